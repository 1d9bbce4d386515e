// The budgets that one stream is written down in: those in shadow mode that it is on, and at last
// the one that acts.

import { Budget } from "./budget";

/** One of them. */
@final
export class Entry {
  budget: Budget | null = null;
  /** Whose books. */
  caller: i32 = 0;
  /** Whether it stands there as going on. */
  isCounted: bool = false;
  /**
   * Retries that stand there with it, and the step of the window in which they were written down.
   */
  retries: u32 = 0;
  step: u64 = 0;

  begin(caller: i32, retries: u32, step: u64): void {
    this.caller = caller;
    this.isCounted = true;
    this.retries = retries;
    this.step = step;
  }

  /** The stream is over. */
  end(): void {
    const budget = this.budget;
    if (budget && this.isCounted && budget.ledger.hasActivity) budget.ledger.end(this.caller, this.retries);
    this.budget = null;
    this.isCounted = false;
    this.retries = 0;
  }
}

/** At most so many as the configuration has budgets in shadow mode, and one. */
@final
export class Entries {
  private readonly list: StaticArray<Entry>;
  count: i32 = 0;

  constructor(budgets: StaticArray<Budget>) {
    let most = 1;
    for (let i = 0; i < budgets.length; i++) if (budgets[i].isShadow) most++;
    this.list = new StaticArray<Entry>(most);
    for (let i = 0; i < most; i++) this.list[i] = new Entry();
  }

  at(index: i32): Entry {
    return unchecked(this.list[index]);
  }

  add(budget: Budget): Entry {
    const entry = this.list[this.count++];
    entry.budget = budget;
    return entry;
  }

  /** The budget that acts on the stream, or `null`. */
  get acting(): Entry | null {
    if (this.count == 0) return null;
    const last = this.at(this.count - 1);
    return last.budget!.isShadow ? null : last;
  }

  /** The stream is over. */
  end(): void {
    for (let i = 0; i < this.count; i++) this.at(i).end();
    this.count = 0;
  }
}
