// Requests are counted beside the books, by a counter of Envoy's that all workers share: it costs a
// tenth of a change of the books. A VM opens each step of the window in the books when its first
// request in that step comes, so the books know what the counter said when the step began.

import { Bytes, defineMetric, getMetric, incrementMetric, MetricType, metricName } from "../../assembly";
import { booksLabel } from "./books-label";

/** One counter for the books of each caller. */
@final
export class RequestCounts {
  /** By caller: the counter's id, 0 before it was needed. */
  private readonly counters: Array<u32> = [];
  /** By caller: the number after that of the step that this VM opened last. */
  private readonly opened: Array<u64> = [];
  /** False if Envoy keeps no such metrics, because its `stats_matcher` leaves them out. */
  private works: bool = true;

  /**
   * @param vmId tells the books of VMs that share them from those of other VMs
   * @param key what the books are kept under; its end is the caller's
   */
  constructor(
    private readonly vmId: Bytes,
    private readonly key: Bytes,
    private readonly rule: string,
  ) {}

  /** Whether requests are counted here. */
  get isUsed(): bool {
    return this.works;
  }

  /** What the counter of the caller says. `key` must be the caller's. One host call. */
  total(caller: i32): u64 {
    return getMetric(this.counterOf(caller));
  }

  /** Whether this VM has opened that step in the caller's books. */
  isOpen(caller: i32, step: u64): bool {
    return caller < this.opened.length && unchecked(this.opened[caller]) == step + 1;
  }

  /** One host call. */
  count(caller: i32): void {
    incrementMetric(this.counterOf(caller), 1);
  }

  /**
   * This VM has opened the step, and has counted a request since. False if the counter did not
   * count it, and no other. One host call.
   */
  open(caller: i32, step: u64): bool {
    this.works = this.total(caller) > 0;
    unchecked((this.opened[caller] = step + 1));
    return this.works;
  }

  private counterOf(caller: i32): u32 {
    while (this.counters.length <= caller) {
      this.counters.push(0);
      this.opened.push(0);
    }
    if (this.counters[caller] == 0) this.counters[caller] = this.define();
    return unchecked(this.counters[caller]);
  }

  private define(): u32 {
    const labels = ["rule", this.rule, "books", booksLabel(this.vmId, this.key)];
    const name = metricName("meshwright.retry_budget.requests_total", StaticArray.fromArray(labels));
    return defineMetric(MetricType.Counter, name);
  }
}
