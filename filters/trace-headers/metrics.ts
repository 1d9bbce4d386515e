// The filter's counters, and what it adds to the property that explains decisions; defined once per
// configuration.

import { Bytes, defineMetric, incrementMetric, MetricType, metricName } from "../../assembly";
import { DecisionProperty } from "../../assembly/rules";
import { Baggage, DROPPED_REASONS } from "./baggage/baggage";
import { bitOf, Format } from "./format";
import { B3, B3_MULTI, DATADOG, GOOGLE_CLOUD, SKYWALKING, W3C, XRAY } from "./limits";
import { NO_SOURCE, Outcome, TracePolicy } from "./policy";

const PREFIX: string = "meshwright.trace_headers.";
/** By `Outcome`. */
const OUTCOMES: StaticArray<string> = ["continued", "started", "restarted"];
/** By `Format`, then `NO_SOURCE`. */
const SOURCES: StaticArray<string> = [W3C, B3, B3_MULTI, XRAY, GOOGLE_CLOUD, DATADOG, SKYWALKING, "none"];
/** Of these a decision may come without ids, which starts a trace. */
const WITH_BARE_DECISION: u32 =
  (1 << Format.B3) | (1 << Format.B3Multi) | (1 << Format.XRay) | (1 << Format.Datadog);
/** By `Dropped`. */
const REASONS: StaticArray<string> = ["invalid", "key", "limit"];

@final
export class TraceMetrics {
  private readonly requests: StaticArray<u32> = new StaticArray<u32>(OUTCOMES.length * SOURCES.length);
  private readonly invalid: StaticArray<u32> = new StaticArray<u32>(NO_SOURCE);
  private readonly invalidTracestate: u32;
  /** By the same indexes as `requests`; empty without a property. */
  private readonly decisions: StaticArray<Bytes>;

  /** By `Dropped`; empty unless baggage is handled. */
  private readonly dropped: StaticArray<u32>;

  /** @param formats those that can come in: a bit `1 << Format` for each. */
  constructor(
    formats: u32,
    withBaggage: bool,
    private readonly property: DecisionProperty | null,
  ) {
    this.decisions = new StaticArray<Bytes>(property ? OUTCOMES.length * SOURCES.length : 0);
    this.dropped = new StaticArray<u32>(withBaggage ? DROPPED_REASONS : 0);
    for (let format = 0; format < NO_SOURCE; format++) {
      if (!(formats & bitOf(format))) continue;
      this.defineRequests(Outcome.Continued, format);
      if (WITH_BARE_DECISION & bitOf(format)) this.defineRequests(Outcome.Started, format);
      this.invalid[format] = defineInvalid(SOURCES[format]);
    }
    this.defineRequests(Outcome.Started, NO_SOURCE);
    this.defineRequests(Outcome.Restarted, NO_SOURCE);
    this.invalidTracestate = defineInvalid("tracestate");
    for (let i = 0; i < this.dropped.length; i++)
      this.dropped[i] = defineCounter("baggage_dropped_total", ["reason", REASONS[i]]);
  }

  /**
   * Counts a decision. One host call, one more for each invalid format or tracestate, and two more
   * with a property.
   */
  count(decision: TracePolicy): void {
    const index = indexOf(decision.outcome, decision.source);
    incrementMetric(unchecked(this.requests[index]), 1);
    const property = this.property;
    if (property) property.add(unchecked(this.decisions[index]));
    for (let format = 0; decision.invalidFormats >> format != 0; format++) {
      if ((decision.invalidFormats >> format) & 1) incrementMetric(unchecked(this.invalid[format]), 1);
    }
    if (decision.invalidTracestate) incrementMetric(this.invalidTracestate, 1);
  }

  /** Counts the members that were dropped, by one host call for each reason. */
  countBaggage(baggage: Baggage): void {
    for (let reason = 0; reason < DROPPED_REASONS; reason++) {
      const members = unchecked(baggage.dropped[reason]);
      if (members > 0) incrementMetric(unchecked(this.dropped[reason]), members);
    }
  }

  private defineRequests(outcome: Outcome, source: i32): void {
    const labels: StaticArray<string> = ["outcome", OUTCOMES[outcome], "source", SOURCES[source]];
    const index = indexOf(outcome, source);
    this.requests[index] = defineCounter("requests_total", labels);
    const property = this.property;
    if (property) this.decisions[index] = property.item(`${OUTCOMES[outcome]}:${SOURCES[source]}`);
  }
}

function indexOf(outcome: Outcome, source: i32): i32 {
  return outcome * SOURCES.length + source;
}

function defineInvalid(source: string): u32 {
  return defineCounter("invalid_total", ["source", source]);
}

function defineCounter(name: string, labels: StaticArray<string>): u32 {
  return defineMetric(MetricType.Counter, metricName(PREFIX + name, labels));
}
