// What is done regularly about books that were written to: they must not take this VM for gone, and
// their gauges must show what comes back. A plugin may have a hundred budgets with 65,537 callers
// each, and a worker serves nobody meanwhile. So each tick does a part.

import { RootContext, Task } from "../../assembly";
import { Budget } from "./budget";
import { NO_CALLER } from "./busy-callers";

/** How often a round starts: well below the time after which books take a VM for gone. */
const REFRESH_MS: u32 = 5_000;
/**
 * Books that one tick looks at: with its host calls a tick takes about a millisecond. With the
 * pause that makes 25,000 books a second, and more than half a million before books take a VM for
 * gone.
 */
const BOOKS_A_TICK: i32 = 500;
const PAUSE_MS: u32 = 20;

@final
export class Refresher extends Task {
  private isRunning: bool = false;
  /** The next one in this round: a caller of a budget. */
  private budget: i32 = 0;
  private caller: i32 = 0;
  /** Whether the next round will have something to do. */
  private isNeeded: bool = false;

  constructor(
    private readonly root: RootContext,
    private readonly budgets: StaticArray<Budget>,
  ) {
    super();
  }

  /** Starts the rounds: something was written into books. */
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
