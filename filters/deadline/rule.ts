// A rule at work: its counters, and its words.

import { Bytes, defineMetric, incrementMetric, MetricType, metricName, recordMetric } from "../../assembly";
import { DecisionProperty, RuleOutcomes } from "../../assembly/rules";
import { OUTCOMES, Outcome, RulePolicy } from "./policy";

const PREFIX = "meshwright.deadline.";

/** Make it once the configuration is accepted: it defines metrics. */
@final
export class Rule {
  /** The response code details of a refusal. */
  readonly details: Bytes;
  private readonly outcomes: RuleOutcomes;
  private readonly remaining: u32;
  private readonly outlasted: u32;
  private readonly unremembered: u32;

  /** @param property gets what is decided */
  constructor(
    readonly policy: RulePolicy,
    property: DecisionProperty | null,
  ) {
    const selection = policy.selection;
    const name = selection.name.toString();
    this.details = Bytes.of(`deadline_exceeded{${name}}`);
    this.outcomes = new RuleOutcomes(
      `${PREFIX}decisions_total`,
      selection.name,
      OUTCOMES,
      selection.shadow,
      property,
    );
    this.remaining = metric(MetricType.Histogram, "remaining_ms", name);
    this.outlasted = metric(MetricType.Counter, "longer_than_caller_total", name);
    this.unremembered = metric(MetricType.Gauge, "traces_not_remembered", name);
  }

  get isShadow(): bool {
    return this.policy.selection.shadow;
  }

  /**
   * Counts an outcome as `RuleOutcomes` does, and what it leaves of the request's time. One host
   * call, and another one for a request with a deadline. Returns its explanation.
   */
  count(outcome: Outcome): Bytes {
    this.outcomes.count(outcome);
    if (outcome != Outcome.Unbounded) recordMetric(this.remaining, this.policy.allowedMs);
    return this.outcomes.explanation(outcome);
  }

  /** Counts that something here would go on for longer than the caller waits. One host call. */
  countOutlasted(): void {
    incrementMetric(this.outlasted, 1);
  }

  /** Counts that the table of traces had no room. One host call. */
  countUnremembered(): void {
    incrementMetric(this.unremembered, 1);
  }
}

function metric(type: MetricType, name: string, rule: string): u32 {
  return defineMetric(type, metricName(PREFIX + name, ["rule", rule]));
}
