// Attempts under way are counted beside the books, which know only whether there are any: a VM that
// is in the books shows the number of its own in a gauge, which all workers can read. That costs a
// tenth of a change of the books. A VM's entry in the books says which gauge is the VM's: that of a
// slot that no other entry has. So there are no more gauges than VMs in the books, and a new VM
// takes over the gauge of one that is gone.

import { Bytes, defineMetric, getMetric, MetricType, metricName, recordMetric } from "../../assembly";
import { booksLabel } from "./books-label";
import { ConcurrencyBooks } from "./concurrency";

/**
 * An attempt that begins this long after its VM was last written into the books writes it there
 * again. It is far below the time after which the books take a VM for gone: the refresher renews
 * the entries of VMs with attempts, and may come late.
 */
const RENEW_NS: u64 = 10_000_000_000;

/** What is known of one caller. */
@final
class CallerCounts {
  /** By slot: the gauge's id, 0 before it was needed. */
  readonly gauges: Array<u32> = [];
  /** When this VM was last written into the caller's books, on the monotonic clock. */
  written: u64 = 0;
  /** When the books were last loaded: the gauges of other VMs, and their attempts in the books. */
  readonly others: Array<u32> = [];
  inBooks: u64 = 0;
}

/** The attempts under way of one budget. Before each call, the books of the caller are selected. */
@final
export class ActiveCounts {
  private readonly callers: Array<CallerCounts> = [];
  /** False if Envoy keeps no such metrics, because its `stats_matcher` leaves them out. */
  private works: bool = true;

  /**
   * @param vmId tells the books of VMs that share them from those of other VMs
   * @param key what the books are kept under; its end is the caller's
   */
  constructor(
    private readonly books: ConcurrencyBooks,
    private readonly vmId: Bytes,
    private readonly key: Bytes,
    private readonly rule: string,
  ) {}

  /**
   * An attempt begins. False if it must be written into the books, where this VM has no fresh entry
   * that says which gauge is its own. One host call.
   */
  begin(caller: i32, now: u64): bool {
    const books = this.books;
    if (!books.isShown) return false;
    const counts = this.of(caller);
    if (now > counts.written + RENEW_NS) return false;
    books.addAttempts(1);
    this.show(counts);
    return true;
  }

  /** An attempt is over. False if it is in the books. One host call. */
  end(caller: i32): bool {
    const books = this.books;
    if (!books.isShown) return false;
    books.addAttempts(-1);
    this.show(this.of(caller));
    return true;
  }

  /**
   * Whether no attempt is under way, neither here nor in VMs that this one knows of. No host call
   * if there is one here, else one for each VM until one has any.
   */
  isIdle(caller: i32): bool {
    const counts = this.of(caller);
    if (this.books.ownAttempts > 0 || counts.inBooks > 0) return false;
    for (let i = 0; i < counts.others.length; i++) {
      if (getMetric(unchecked(counts.others[i])) > 0) return false;
    }
    return true;
  }

  /** Call it before the books are loaded, with whether the caller has a name. */
  prepare(hasName: bool): void {
    this.books.wantsSlot = hasName && this.works;
  }

  /** The books were loaded: adds what other VMs show. One host call for each. */
  addOthers(caller: i32): void {
    const books = this.books;
    const counts = this.of(caller);
    counts.inBooks = books.otherAttempts;
    counts.others.length = books.otherSlots;
    for (let i = 0; i < books.otherSlots; i++) {
      const gauge = this.gaugeOf(counts, books.otherSlot(i));
      unchecked((counts.others[i] = gauge));
      books.otherAttempts += getMetric(gauge);
    }
  }

  /**
   * This VM was written into the books at that time. Returns whether its gauge has begun to show
   * its attempts, which the books must then be told. Two host calls at most.
   */
  written(caller: i32, now: u64): bool {
    const counts = this.of(caller);
    counts.written = now;
    const books = this.books;
    if (books.slot == 0) return false;
    this.show(counts);
    if (books.isShown || books.ownAttempts == 0) return false;
    this.works = getMetric(this.gaugeOf(counts, books.slot)) == books.ownAttempts;
    return this.works;
  }

  private show(counts: CallerCounts): void {
    recordMetric(this.gaugeOf(counts, this.books.slot), this.books.ownAttempts);
  }

  private of(caller: i32): CallerCounts {
    while (this.callers.length <= caller) this.callers.push(new CallerCounts());
    return unchecked(this.callers[caller]);
  }

  private gaugeOf(counts: CallerCounts, slot: u32): u32 {
    const gauges = counts.gauges;
    while (<u32>gauges.length <= slot) gauges.push(0);
    if (gauges[slot] == 0) gauges[slot] = this.define(slot);
    return unchecked(gauges[slot]);
  }

  private define(slot: u32): u32 {
    const labels = ["rule", this.rule, "books", booksLabel(this.vmId, this.key), "slot", slot.toString()];
    const name = metricName("meshwright.retry_budget.vm_requests", StaticArray.fromArray(labels));
    return defineMetric(MetricType.Gauge, name);
  }
}
