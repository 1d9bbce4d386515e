// The filter's counters, and what it adds to the property that explains decisions; defined once per
// configuration.

import { Bytes, defineMetric, incrementMetric, MetricType, metricName } from "../../assembly";
import { DecisionProperty } from "../../assembly/rules";
import { Format, NO_SOURCE, Outcome, TracePolicy } from "./policy";

const PREFIX: string = "meshwright.trace_headers.";
/** By `Outcome`. */
const OUTCOMES: StaticArray<string> = ["continued", "started", "restarted"];
/** By `Format`, then `NO_SOURCE`. */
const SOURCES: StaticArray<string> = ["w3c", "b3", "b3-multi", "none"];

@final
export class TraceMetrics {
  private readonly requests: StaticArray<u32> = new StaticArray<u32>(OUTCOMES.length * SOURCES.length);
  private readonly invalid: StaticArray<u32> = new StaticArray<u32>(NO_SOURCE);
  private readonly invalidTracestate: u32;
  /** By the same indexes as `requests`; empty without a property. */
  private readonly decisions: StaticArray<Bytes>;

  constructor(private readonly property: DecisionProperty | null) {
    this.decisions = new StaticArray<Bytes>(property ? OUTCOMES.length * SOURCES.length : 0);
    for (let format = Format.W3c; format <= Format.B3Multi; format++) {
      this.defineRequests(Outcome.Continued, format);
      this.invalid[format] = defineInvalid(SOURCES[format]);
    }
    // A decision without ids starts a trace; only B3 can say that.
    this.defineRequests(Outcome.Started, Format.B3);
    this.defineRequests(Outcome.Started, Format.B3Multi);
    this.defineRequests(Outcome.Started, NO_SOURCE);
    this.defineRequests(Outcome.Restarted, NO_SOURCE);
    this.invalidTracestate = defineInvalid("tracestate");
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
