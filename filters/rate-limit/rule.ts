// A rule at work: its limits in shared data, its counters, its words.

import { Bytes, defineMetric, incrementMetric, MetricType, metricName, RootContext } from "../../assembly";
import { DecisionProperty, RuleOutcomes } from "../../assembly/rules";
import { ConcurrencyLimit } from "./concurrency/limit";
import { Decision } from "./decision";
import { LocalLimit, LocalPolicy } from "./local/limit";
import { LOCAL_OUTCOMES, OUTCOME_WORDS, OUTCOMES, Outcome } from "./outcomes";
import { RulePolicy } from "./policy";
import { Creditor } from "./price/dues";
import { Price } from "./price/price";

const PREFIX = "meshwright.rate_limit.";

/** Make it once the configuration is accepted: it defines metrics. */
@final
export class Rule extends Creditor {
  readonly local: LocalLimit | null;
  readonly fallback: LocalLimit | null;
  readonly concurrency: ConcurrencyLimit | null;
  readonly outcomes: RuleOutcomes;
  private readonly evictions: u32;
  private readonly unpriced: u32;
  private readonly limitedDetails: Bytes;
  private readonly contendedDetails: Bytes;
  private readonly missingDetails: Bytes;
  private readonly failedDetails: Bytes;

  /**
   * @param root of the plugin
   * @param number the rule's place in the list
   * @param plugin the plugin's name: rules of one name in plugins of one name and one `vm_id` share
   * their keys
   */
  constructor(
    root: RootContext,
    readonly number: i32,
    readonly policy: RulePolicy,
    plugin: Bytes,
    property: DecisionProperty | null,
  ) {
    super();
    const rule = policy.selection.name;
    const name = rule.toString();
    this.local = limitOf(policy.local, plugin, rule, "local");
    this.fallback = limitOf(policy.fallback, plugin, rule, "fallback");
    const concurrency = policy.concurrency;
    this.concurrency = concurrency ? new ConcurrencyLimit(concurrency, root, [plugin, rule]) : null;
    this.outcomes = new RuleOutcomes(
      `${PREFIX}decisions_total`,
      rule,
      wordsOf(policy),
      policy.selection.shadow,
      property,
    );
    this.evictions = defineMetric(MetricType.Gauge, metricName(`${PREFIX}evictions`, ["rule", name]));
    this.unpriced = policy.price
      ? defineMetric(MetricType.Counter, metricName(`${PREFIX}unpriced_answers_total`, ["rule", name]))
      : 0;
    this.limitedDetails = Bytes.of(`rate_limited{${name}}`);
    this.contendedDetails = Bytes.of(`rate_limit_contended{${name}}`);
    this.missingDetails = Bytes.of(`rate_limit_key_missing{${name}}`);
    this.failedDetails = Bytes.of(`rate_limit_service_failed{${name}}`);
  }

  override get price(): Price | null {
    return this.policy.price;
  }

  get isShadow(): bool {
    return this.policy.selection.shadow;
  }

  /** Counts the outcome of the rule. One host call. */
  settle(outcome: Outcome, decision: Decision): void {
    this.outcomes.count(outcome);
    decision.noteOutcome(this.number, outcome);
  }

  override countEviction(): void {
    incrementMetric(this.evictions, 1);
  }

  override countUnpriced(): void {
    incrementMetric(this.unpriced, 1);
  }

  /** The response code details of a refusal. */
  details(reason: Outcome): Bytes {
    switch (reason) {
      case Outcome.Contended:
        return this.contendedDetails;
      case Outcome.Denied:
        return this.missingDetails;
      case Outcome.ServiceFailedDenied:
        return this.failedDetails;
      default:
        return this.limitedDetails;
    }
  }
}

function limitOf(policy: LocalPolicy | null, plugin: Bytes, rule: Bytes, kind: string): LocalLimit | null {
  if (!policy) return null;
  return new LocalLimit(policy, [plugin, rule, Bytes.of(kind)]);
}

/** The words of the outcomes that the rule can have, in the order of `Outcome`. */
function wordsOf(policy: RulePolicy): StaticArray<string> {
  return OUTCOME_WORDS.slice<StaticArray<string>>(0, policy.global ? OUTCOMES : LOCAL_OUTCOMES);
}
