// The outcomes of a rule, as an operator sees them: a counter for each, and the words of a header
// and of a property that explain the decision.

import { MetricType } from "../abi/types";
import { defineMetric, incrementMetric } from "../host/metrics";
import { Bytes } from "../text/bytes";
import { metricName } from "../text/metric-name";
import { DecisionProperty } from "./decision-property";

/**
 * The outcomes of one rule. Make it once the configuration is accepted; later nothing is allocated.
 */
@final
export class RuleOutcomes {
  private readonly counters: StaticArray<u32>;
  private readonly explanations: StaticArray<Bytes>;
  /** What the property gets; empty without one. */
  private readonly decisions: StaticArray<Bytes>;

  /**
   * Defines a counter `METRIC;rule=RULE;outcome=OUTCOME` for each outcome.
   * @param metric such as `meshwright.fault_injection.decisions_total`
   * @param outcomes words of letters, digits, `_` and `-`; `count` takes their indices
   * @param isShadow the rule only counts what it would do: each word gets the prefix `shadow-`
   * @param property gets `FILTER=RULE:OUTCOME` of each outcome that is counted
   */
  constructor(
    metric: string,
    rule: Bytes,
    outcomes: StaticArray<string>,
    isShadow: bool = false,
    private readonly property: DecisionProperty | null = null,
  ) {
    this.counters = new StaticArray<u32>(outcomes.length);
    this.explanations = new StaticArray<Bytes>(outcomes.length);
    this.decisions = new StaticArray<Bytes>(property ? outcomes.length : 0);
    const name = rule.toString();
    for (let i = 0; i < outcomes.length; i++) {
      const word = isShadow ? "shadow-" + outcomes[i] : outcomes[i];
      const labels: StaticArray<string> = ["rule", name, "outcome", word];
      this.counters[i] = defineMetric(MetricType.Counter, metricName(metric, labels));
      this.explanations[i] = Bytes.of(name + ";outcome=" + word);
      if (property) this.decisions[i] = property.item(name + ":" + word);
    }
  }

  /** Counts an outcome. One host call, and two more with a property. */
  count(outcome: i32): void {
    incrementMetric(unchecked(this.counters[outcome]), 1);
    const property = this.property;
    if (property) property.add(unchecked(this.decisions[outcome]));
  }

  /**
   * `RULE;outcome=OUTCOME`, an item of an RFC 8941 list, for the response header that a
   * configuration names.
   */
  explanation(outcome: i32): Bytes {
    return unchecked(this.explanations[outcome]);
  }
}
