// The gauges of a budget: they show the caller whose books were changed last.

import { defineMetric, getMetric, MetricType, metricName, recordMetric } from "../../assembly";
import { Books } from "./books";

@final
export class Gauges {
  private readonly remaining: u32;
  private readonly activeRequests: u32;
  private readonly activeRetries: u32;

  /** @param hasActivity the books know about active requests */
  constructor(
    rule: string,
    private readonly hasActivity: bool,
  ) {
    this.remaining = gauge("retries_remaining", rule);
    this.activeRequests = hasActivity ? gauge("active_requests", rule) : 0;
    this.activeRetries = hasActivity ? gauge("active_retries", rule) : 0;
  }

  /** Whether any worker has shown anything but a budget that is spent. One host call. */
  get areShown(): bool {
    return getMetric(this.remaining) > 0;
  }

  /** One host call, and two more if the books know about active requests. */
  show(books: Books): void {
    this.showRemaining(books);
    if (!this.hasActivity) return;
    this.showRequests(books.activeRequests());
    recordMetric(this.activeRetries, books.activeRetries());
  }

  /** One host call. */
  showRemaining(books: Books): void {
    recordMetric(this.remaining, books.remaining());
  }

  /** One host call. */
  showRequests(active: u64): void {
    recordMetric(this.activeRequests, active);
  }
}

function gauge(metric: string, rule: string): u32 {
  return defineMetric(MetricType.Gauge, metricName("meshwright.retry_budget." + metric, ["rule", rule]));
}
