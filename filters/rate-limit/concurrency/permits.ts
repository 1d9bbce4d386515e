// The requests in flight that one stream stands for: one of each limit that let it pass.

import { Holding } from "./holdings";
import { ConcurrencyLimit } from "./limit";

@final
class Permit {
  constructor(
    public limit: ConcurrencyLimit,
    public holding: Holding,
  ) {}
}

/** One for each stream's context, which may serve again: its objects are kept. */
@final
export class Permits {
  private count: i32 = 0;
  private readonly items: Array<Permit> = [];

  add(limit: ConcurrencyLimit, holding: Holding): void {
    if (this.count == this.items.length) this.items.push(new Permit(limit, holding));
    const permit = unchecked(this.items[this.count++]);
    permit.limit = limit;
    permit.holding = holding;
  }

  /** The stream is over, or does not pass. */
  release(): void {
    for (let i = 0; i < this.count; i++) {
      const permit = unchecked(this.items[i]);
      permit.limit.release(permit.holding);
    }
    this.count = 0;
  }
}
