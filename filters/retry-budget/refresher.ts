// What is done from time to time about books in which something was written: they forget a VM of
// which they hear nothing, and their gauges show what comes back. A plugin may have a hundred
// budgets with 65,537 callers each, and a worker serves nobody meanwhile: so each tick does a part.

import { RootContext, Task } from "../../assembly";
import { Budget } from "./budget";
import { NO_CALLER } from "./busy-callers";

/** How often: well below the time after which books take a VM for gone. */
const REFRESH_MS: u32 = 5_000;
/**
 * Books that one tick looks at. With the pause that is 25,000 in a second, and more than half a
 * million before books take a VM for gone.
 */
const BOOKS_A_TICK: i32 = 500;
const PAUSE_MS: u32 = 20;

@final
export class Refresher extends Task {
  private isRunning: bool = false;
  /** What comes next in this round: a caller of a budget. */
  private budget: i32 = 0;
  private caller: i32 = 0;
  /** Whether there will be something to do in the next round. */
  private isNeeded: bool = false;

  constructor(
    private readonly root: RootContext,
    private readonly budgets: StaticArray<Budget>,
  ) {
    super();
  }

  /** Something was written into books. */
  start(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.root.after(REFRESH_MS, this);
  }

  run(): void {
    if (!this.endsRound()) {
      this.root.after(PAUSE_MS, this);
      return;
    }
    this.isRunning = false;
    if (this.isNeeded) this.start();
    this.isNeeded = false;
  }

  /** Does the part of one tick. Returns whether the round is over. */
  private endsRound(): bool {
    for (let books = 0; books < BOOKS_A_TICK; books++) {
      const ledger = unchecked(this.budgets[this.budget]).ledger;
      const caller = ledger.nextBusy(this.caller);
      if (caller != NO_CALLER) {
        ledger.renew(caller);
        this.isNeeded = true;
        this.caller = caller + 1;
        continue;
      }
      if (ledger.show()) this.isNeeded = true;
      this.caller = 0;
      this.budget++;
      if (this.budget < this.budgets.length) continue;
      this.budget = 0;
      return true;
    }
    return false;
  }
}
