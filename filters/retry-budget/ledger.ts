// A budget's books in shared data, where all workers read and change them by compare-and-set.

import {
  Bytes,
  defineMetric,
  getMetric,
  MetricType,
  metricName,
  monotonicNanoseconds,
  recordMetric,
  SharedData,
  SharedUpdater,
  sharedKey,
  UpdateOutcome,
} from "../../assembly";
import { Books } from "./books";
import { Callers } from "./callers";

/**
 * Whenever an attempt fails somebody else's has succeeded: this many in a row fail only where
 * something is broken. A retry that cannot be written down is not made.
 */
const ATTEMPTS: u32 = 1000;
/** After this long nothing is left in any books: more than the longest window. */
const MEMORY_NS: u64 = 65_000_000_000;
/** Of the books: raise it with any change of what `ratio.ts` or `concurrency.ts` writes. */
const LAYOUT: u32 = 1;
/** The caller's, at the end of a key. */
const KEY_DIGITS: i32 = 16;
const HEX = Bytes.of("0123456789abcdef");

/** What `first` returns where the request could not be written down. */
export const NOT_COUNTED: i32 = -1;

enum Change {
  First,
  Retry,
  Promise,
  Withdraw,
  Settle,
  End,
  Refresh,
}

/**
 * The books of one budget, for all its callers. A change is four host calls, two more where the
 * books know what goes on.
 */
@final
export class Ledger extends SharedUpdater {
  private readonly key: Bytes;
  private readonly data: SharedData;
  private readonly remaining: u32;
  private readonly activeRequests: u32;
  private readonly activeRetries: u32;
  private now: u64 = 0;
  /** Whose books were changed last. */
  private caller: i32 = 0;
  private change: Change = Change.Refresh;
  /** Of a change: its lapse or step, and its retries. */
  private moment: u64 = 0;
  private retries: u32 = 0;
  private granted: u32 = 0;

  /**
   * @param names unlike for all that must not be counted together
   * @param hasActivity the books know what goes on, and want to be told of its end
   */
  constructor(
    names: StaticArray<Bytes>,
    rule: string,
    private readonly books: Books,
    private readonly callers: Callers,
    readonly hasActivity: bool,
  ) {
    super();
    const key = sharedKey("retry-budget", "books", LAYOUT, names, KEY_DIGITS);
    this.key = key;
    this.data = new SharedData(key);
    this.remaining = gauge("retries_remaining", rule);
    this.activeRequests = hasActivity ? gauge("active_requests", rule) : 0;
    this.activeRetries = hasActivity ? gauge("active_retries", rule) : 0;
  }

  /**
   * Where nothing was counted yet, by any worker: that must not look like a budget that is spent.
   */
  showNew(): void {
    if (getMetric(this.remaining) > 0) return;
    this.books.load(null, monotonicNanoseconds());
    recordMetric(this.remaining, this.books.remaining());
  }

  /** When the last change was made, by the steady clock, and which step and lapse that was. */
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
   * A request of that caller begins, and with it up to `wanted` retries. Returns how many are
   * granted, or `NOT_COUNTED`.
   */
  first(caller: i32, wanted: u32): i32 {
    return this.make(Change.First, caller, 0, wanted) ? <i32>this.granted : NOT_COUNTED;
  }

  /** A retry begins, promised in that lapse or not; false where it must not. */
  retry(caller: i32, lapse: u64): bool {
    return this.make(Change.Retry, caller, lapse, 0);
  }

  /** Promises a retry to an attempt that is about to end; false where none remains. */
  promise(caller: i32, isRetry: bool): bool {
    return this.make(Change.Promise, caller, 0, isRetry ? 1 : 0);
  }

  /** The retry that was promised in that lapse will not be made. */
  withdraw(caller: i32, lapse: u64): void {
    this.make(Change.Withdraw, caller, lapse, 0);
  }

  /** Of what was granted in that step, this many retries will not be made. */
  settle(caller: i32, step: u64, unused: u32): void {
    this.make(Change.Settle, caller, step, unused);
  }

  /** A request or attempt is over, and so many retries with it. */
  end(caller: i32, retries: u32): void {
    this.make(Change.End, caller, 0, retries);
  }

  /** The first caller from that number on for whom something goes on here, or `NO_CALLER`. */
  nextBusy(from: i32): i32 {
    return this.books.nextBusy(from);
  }

  /** Says of a caller for whom something goes on that this VM is still there. Three host calls. */
  renew(caller: i32): void {
    const last = this.caller;
    this.write(Change.Refresh, caller, 0, 0);
    this.select(last);
  }

  /**
   * Lets the gauges show what has come back of the books that were changed last. Three host calls,
   * two more where the books know what goes on.
   * @returns whether there may be something more to show later
   */
  show(): bool {
    const now = monotonicNanoseconds();
    this.books.load(this.data.get(), now);
    this.record();
    return now - this.now < MEMORY_NS;
  }

  private make(change: Change, caller: i32, moment: u64, retries: u32): bool {
    const isKept = this.write(change, caller, moment, retries);
    this.record();
    return isKept;
  }

  private write(change: Change, caller: i32, moment: u64, retries: u32): bool {
    this.change = change;
    this.moment = moment;
    this.retries = retries;
    this.now = monotonicNanoseconds();
    this.select(caller);
    const isKept = this.data.update(this, ATTEMPTS) == UpdateOutcome.Updated;
    // What has ended has ended, whether or not it could be written down: the next change says so.
    if (isKept || change == Change.End || change == Change.Settle) this.books.commit();
    return isKept;
  }

  override compute(old: Bytes | null): Bytes | null {
    const books = this.books;
    books.load(old, this.now);
    switch (this.change) {
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
      default:
    }
    return books.bytes;
  }

  private record(): void {
    recordMetric(this.remaining, this.books.remaining());
    if (!this.hasActivity) return;
    recordMetric(this.activeRequests, this.books.activeRequests());
    recordMetric(this.activeRetries, this.books.activeRetries());
  }

  private select(caller: i32): void {
    this.caller = caller;
    this.books.select(caller);
    this.writeKey(this.callers.idOf(caller));
  }

  private writeKey(id: u64): void {
    const end = this.key.ptr + this.key.size - 1;
    for (let i = 0; i < KEY_DIGITS; i++) store<u8>(end - i, HEX.at(<i32>(id >> (4 * i)) & 15));
  }
}

function gauge(metric: string, rule: string): u32 {
  return defineMetric(MetricType.Gauge, metricName("meshwright.retry_budget." + metric, ["rule", rule]));
}
