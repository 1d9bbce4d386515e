// A budget's books in shared data, which all workers read and change by compare-and-set.

import {
  Bytes,
  monotonicNanoseconds,
  SharedData,
  SharedUpdater,
  sharedKey,
  UpdateOutcome,
} from "../../assembly";
import { ActiveCounts } from "./active-counts";
import { Books } from "./books";
import { Callers } from "./callers";
import { ConcurrencyBooks } from "./concurrency";
import { Gauges } from "./gauges";
import { RequestCounts } from "./request-counts";

/**
 * Each attempt fails only because another worker's has succeeded. This many in a row fail only if
 * something is broken. A retry that cannot be recorded is not made.
 */
const ATTEMPTS: u32 = 1000;
/** After this long all books are empty: it is longer than the longest window. */
const MEMORY_NS: u64 = 65_000_000_000;
/** Layout of the books: raise it with any change of what `ratio.ts` or `concurrency.ts` writes. */
const LAYOUT: u32 = 3;
/** Digits of the caller at the end of a key. */
const KEY_DIGITS: i32 = 16;
const HEX = Bytes.of("0123456789abcdef");

/** What `first` returns if the request could not be recorded. */
export const NOT_COUNTED: i32 = -1;

/** Used as a caller: no books were changed yet. */
const NOBODY: i32 = -1;

enum Change {
  Open,
  First,
  Retry,
  Promise,
  Withdraw,
  Settle,
  End,
  Refresh,
  Show,
}

/**
 * The books of one budget, for all its callers. A change is four host calls, one more if the books
 * belong to a counter, and two more if they know about active requests. Where other workers count
 * those beside the books, it is one more for each of them, and one for this worker.
 */
@final
export class Ledger extends SharedUpdater {
  private readonly key: Bytes;
  private readonly data: SharedData;
  private readonly gauges: Gauges;
  private now: u64 = 0;
  /** The caller whose books were changed last, or `NOBODY`. */
  private caller: i32 = NOBODY;
  private change: Change = Change.Refresh;
  /** The parameters of a change: its lapse or step, and its retries. */
  private moment: u64 = 0;
  private retries: u32 = 0;
  private granted: u32 = 0;
  /** Counts requests that want no retry yet; `null` where the books alone count. */
  private readonly counts: RequestCounts | null;
  /** Counts attempts under way; `null` where the books alone count. */
  private readonly active: ActiveCounts | null;

  /**
   * @param names differ for everything that must not be counted together
   * @param vmId of the VMs that share the books
   * @param hasActivity the books know about active requests, and must be told when these end
   */
  constructor(
    names: StaticArray<Bytes>,
    rule: string,
    vmId: Bytes,
    private readonly books: Books,
    private readonly callers: Callers,
    readonly hasActivity: bool,
  ) {
    super();
    const key = sharedKey("retry-budget", "books", LAYOUT, names, KEY_DIGITS);
    this.key = key;
    const isCounted = callers.haveNames;
    this.counts = isCounted && !hasActivity ? new RequestCounts(vmId, key, rule) : null;
    this.active =
      isCounted && hasActivity ? new ActiveCounts(books as ConcurrencyBooks, vmId, key, rule) : null;
    this.data = new SharedData(key);
    this.gauges = new Gauges(rule, hasActivity);
  }

  /**
   * Shows full gauges if no worker has counted anything yet: otherwise the budget would look spent.
   */
  showNew(): void {
    if (this.gauges.areShown) return;
    this.books.counted = 0;
    this.books.load(null, monotonicNanoseconds());
    this.gauges.showRemaining(this.books);
  }

  /** When the last change was made, on the monotonic clock, and in which step and lapse. */
  get time(): u64 {
    return this.now;
  }

  get step(): u64 {
    return this.books.step;
  }

  get lapse(): u64 {
    return this.books.lapse;
  }

  /**
   * A request of that caller begins, and wants up to `wanted` retries. Returns how many are
   * granted, or `NOT_COUNTED`. A request that wants none is two host calls where it is counted
   * beside the books, unless it is the first of a step in this VM, or the first after a while.
   */
  first(caller: i32, wanted: u32): i32 {
    if (wanted == 0 && this.hasName(caller)) {
      const counts = this.counts;
      if (counts && counts.isUsed && this.count(counts, caller)) return 0;
      const active = this.active;
      if (active && this.begin(active, caller)) return 0;
    }
    return this.make(Change.First, caller, 0, wanted) ? <i32>this.granted : NOT_COUNTED;
  }

  /** Counts a request beside the books. False if Envoy keeps no counter. */
  private count(counts: RequestCounts, caller: i32): bool {
    this.now = monotonicNanoseconds();
    const isOpen = counts.isOpen(caller, this.books.stepAt(this.now));
    if (!isOpen) this.make(Change.Open, caller, 0, 0);
    counts.count(caller);
    return isOpen || counts.open(caller, this.books.stepAt(this.now));
  }

  /** Counts an attempt beside the books. False if they must be written. */
  private begin(active: ActiveCounts, caller: i32): bool {
    this.now = monotonicNanoseconds();
    this.select(caller);
    return active.begin(caller, this.now);
  }

  /** A retry begins, whether it was promised in that lapse or not; false if it is not allowed. */
  retry(caller: i32, lapse: u64): bool {
    return this.make(Change.Retry, caller, lapse, 0);
  }

  /** Promises a retry to an attempt that is about to end; false if none remains. */
  promise(caller: i32, isRetry: bool): bool {
    return this.make(Change.Promise, caller, 0, isRetry ? 1 : 0);
  }

  /** The retry promised in that lapse will not be made. */
  withdraw(caller: i32, lapse: u64): void {
    this.make(Change.Withdraw, caller, lapse, 0);
  }

  /** This many of the retries granted in that step will not be made. */
  settle(caller: i32, step: u64, unused: u32): void {
    this.make(Change.Settle, caller, step, unused);
  }

  /**
   * A request or attempt is over, and with it that many retries. One without retries is one host
   * call where it is counted beside the books. The last of all also shows that there is none.
   */
  end(caller: i32, retries: u32): void {
    const active = this.active;
    if (active && this.hasName(caller) && this.endBeside(active, caller, retries)) return;
    this.make(Change.End, caller, 0, retries);
  }

  /** False if the attempt is in the books. */
  private endBeside(active: ActiveCounts, caller: i32, retries: u32): bool {
    this.select(caller);
    if (!active.end(caller)) return false;
    if (retries > 0) this.settle(caller, 0, retries);
    else if (active.isIdle(caller)) this.gauges.showRequests(0);
    return true;
  }

  /** The first caller, from that number on, with active requests in this VM, or `NO_CALLER`. */
  nextBusy(from: i32): i32 {
    return this.books.nextBusy(from);
  }

  /**
   * Tells the books of a caller with active requests that this VM is still there. Three host calls.
   */
  renew(caller: i32): void {
    const last = this.caller;
    this.write(Change.Refresh, caller, 0, 0);
    this.select(last);
  }

  /**
   * Updates the gauges to what has come back in the books that were changed last. Three host calls,
   * and two more if the books know about active requests.
   * @returns whether more may come back later
   */
  show(): bool {
    const now = monotonicNanoseconds();
    this.load(this.data.get(), now);
    this.addOthers();
    this.gauges.show(this.books);
    return now - this.now < MEMORY_NS;
  }

  private make(change: Change, caller: i32, moment: u64, retries: u32): bool {
    const isKept = this.write(change, caller, moment, retries);
    this.gauges.show(this.books);
    return isKept;
  }

  private write(change: Change, caller: i32, moment: u64, retries: u32): bool {
    this.change = change;
    this.moment = moment;
    this.retries = retries;
    this.now = monotonicNanoseconds();
    this.select(caller);
    const isKept = this.data.update(this, ATTEMPTS) == UpdateOutcome.Updated;
    // A request that has ended has ended, even if that could not be recorded: the next change
    // records it.
    if (isKept || change == Change.End || change == Change.Settle) this.books.commit();
    const active = this.active;
    if (isKept && active && this.hasName(caller) && active.written(caller, this.now)) this.showActive();
    return isKept;
  }

  /** Other VMs read this one's gauge only once it has a value. */
  private showActive(): void {
    this.change = Change.Show;
    if (this.data.update(this, ATTEMPTS) == UpdateOutcome.Updated) this.books.commit();
  }

  override compute(old: Bytes | null): Bytes | null {
    const books = this.books;
    this.load(old, this.now);
    if (this.change != Change.Refresh) this.addOthers();
    switch (this.change) {
      case Change.Open:
        if (!books.hasOpened) return null;
        break;
      case Change.First:
        this.granted = books.first(this.retries);
        break;
      case Change.Retry:
        if (!books.retry(this.moment)) return null;
        break;
      case Change.Promise:
        if (!books.promise(this.retries > 0)) return null;
        break;
      case Change.Withdraw:
        if (!books.redeem(this.moment)) return null;
        break;
      case Change.Settle:
        books.settle(this.moment, this.retries);
        break;
      case Change.End:
        books.end(this.retries);
        break;
      case Change.Show:
        (books as ConcurrencyBooks).showSlot();
        break;
      default:
    }
    return books.bytes;
  }

  /** Call it after the books were read, because the counter must not be behind them. */
  private load(kept: Bytes | null, now: u64): void {
    const caller = this.caller;
    const hasName = this.hasName(caller);
    const counts = this.counts;
    this.books.counted = counts && hasName ? counts.total(caller) : 0;
    const active = this.active;
    if (active) active.prepare(hasName);
    this.books.load(kept, now);
  }

  /** Call it after the books were loaded, where their numbers matter. */
  private addOthers(): void {
    const active = this.active;
    if (active && this.hasName(this.caller)) active.addOthers(this.caller);
  }

  private hasName(caller: i32): bool {
    return caller != NOBODY && caller < this.callers.most;
  }

  private select(caller: i32): void {
    if (caller == this.caller) return;
    this.caller = caller;
    this.books.select(caller);
    this.writeKey(this.callers.idOf(caller));
  }

  private writeKey(id: u64): void {
    const end = this.key.ptr + this.key.size - 1;
    for (let i = 0; i < KEY_DIGITS; i++) store<u8>(end - i, HEX.at(<i32>(id >> (4 * i)) & 15));
  }
}
