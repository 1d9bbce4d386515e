// The budgets in which one stream is recorded: those in shadow mode that match it, and last the one
// that acts.

import { Budget } from "./budget";

/** The record of a stream in one budget. */
@final
export class Entry {
  budget: Budget | null = null;
  /** The caller whose books they are. */
  caller: i32 = 0;
  /** Whether it is recorded as active. */
  isCounted: bool = false;
  /** Retries that are recorded with it, and the step of the window in which they were. */
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

/** At most one more entry than the configuration has budgets in shadow mode. */
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
