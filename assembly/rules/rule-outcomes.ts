// The outcomes of a rule, as an operator sees them: a counter for each, and the words of a header
// that explains the decision.

import { MetricType } from "../abi/types";
import { defineMetric, incrementMetric } from "../host/metrics";
import { Bytes } from "../text/bytes";
import { metricName } from "../text/metric-name";

/**
 * The outcomes of one rule. Make it once the configuration is accepted; later nothing is allocated.
 */
@final
export class RuleOutcomes {
  private readonly counters: StaticArray<u32>;
  private readonly explanations: StaticArray<Bytes>;

  /**
   * Defines a counter `METRIC;rule=RULE;outcome=OUTCOME` for each outcome.
   * @param metric such as `meshwright.fault_injection.decisions_total`
   * @param outcomes words of letters, digits, `_` and `-`; `count` takes their indices
   * @param isShadow the rule only counts what it would do: each word gets the prefix `shadow-`
   */
  constructor(metric: string, rule: Bytes, outcomes: StaticArray<string>, isShadow: bool = false) {
    this.counters = new StaticArray<u32>(outcomes.length);
    this.explanations = new StaticArray<Bytes>(outcomes.length);
    const name = rule.toString();
    for (let i = 0; i < outcomes.length; i++) {
      const word = isShadow ? "shadow-" + outcomes[i] : outcomes[i];
      const labels: StaticArray<string> = ["rule", name, "outcome", word];
      this.counters[i] = defineMetric(MetricType.Counter, metricName(metric, labels));
      this.explanations[i] = Bytes.of(name + ";outcome=" + word);
    }
  }

  /** Counts an outcome. One host call. */
  count(outcome: i32): void {
    incrementMetric(unchecked(this.counters[outcome]), 1);
  }

  /**
   * `RULE;outcome=OUTCOME`, an item of an RFC 8941 list, for the response header that a
   * configuration names.
   */
  explanation(outcome: i32): Bytes {
    return unchecked(this.explanations[outcome]);
  }
}
