// What a rule asks before a request goes on, and tells how it ended: circuits, or throttles.

import { defineMetric, MetricType, metricName } from "../../assembly";
import { NO_PERMIT, Result, Verdict } from "./policy";

const PREFIX = "meshwright.circuit_breaker.";

/** What was said of a request, kept until its result is known. */
@final
export class Permit {
  /** The hash of the request's key. */
  hash: u64 = 0;
  number: i32 = NO_PERMIT;
  epoch: u32 = 0;
  /** When the request was let through, on the monotonic clock. */
  began: u64 = 0;
}

export abstract class Gate {
  /** How long the request that was refused last should wait, in nanoseconds. */
  wait: u64 = 0;

  /**
   * Whether a request with that key may pass.
   * @param permit its `hash` and `began` are set; the rest is filled in
   * @returns `Refuse` too if other workers came between in every attempt: `wait` is 0 then
   */
  abstract admit(permit: Permit): Verdict;

  /** Takes the result of a request that has passed. */
  abstract settle(permit: Permit, result: Result): void;
}

export function gauge(metric: string, labels: StaticArray<string>): u32 {
  return defineMetric(MetricType.Gauge, metricName(PREFIX + metric, labels));
}

export function counter(metric: string, labels: StaticArray<string>): u32 {
  return defineMetric(MetricType.Counter, metricName(PREFIX + metric, labels));
}
