// What an operator sees of the faults: decisions, active faults, injected delays.

import {
  Bytes,
  defineMetric,
  getMetric,
  incrementMetric,
  MetricType,
  metricName,
  recordMetric,
} from "../../assembly";
import { DecisionProperty, RuleOutcomes } from "../../assembly/rules";
import { Outcome, outcomeWord, Rule } from "./policy";

const PREFIX = "meshwright.fault_injection.";
const LIMITED = "limited";

/** A gauge over all workers, with a limit. */
@final
export class ActiveFaults {
  constructor(
    private readonly gauge: u32,
    /** 0 for no limit. */
    private readonly limit: u32,
  ) {}

  /**
   * Adds one, unless the limit is reached. It counts first and checks then. So two workers at the
   * same time may both be refused when there was room for one, but never both be let in.
   */
  enter(): bool {
    incrementMetric(this.gauge, 1);
    if (this.limit == 0 || getMetric(this.gauge) <= this.limit) return true;
    this.leave();
    return false;
  }

  leave(): void {
    incrementMetric(this.gauge, -1);
  }
}

/** The metrics and the words of one rule, or of the faults that clients ask for. */
@final
export class RuleMetrics {
  readonly active: ActiveFaults;
  /** Response-code details of this rule's answers. */
  readonly abortDetails: Bytes;
  readonly blackHoleDetails: Bytes;
  private readonly outcomes: RuleOutcomes;
  private readonly limited: i32;
  private readonly delays: u32;

  /**
   * @param acted the outcomes that the rule can have when it acts, in the order of `Outcome`
   * @param maxActive the rule's limit
   * @param limitable a limit, the rule's own or that of all rules, may keep it from acting
   * @param delays the rule may delay
   * @param property gets what is decided
   */
  constructor(
    name: Bytes,
    private readonly acted: StaticArray<Outcome>,
    isShadow: bool,
    maxActive: u32,
    limitable: bool,
    delays: bool,
    property: DecisionProperty | null,
  ) {
    const rule = name.toString();
    const words = new StaticArray<string>(acted.length + (limitable ? 1 : 0));
    for (let i = 0; i < acted.length; i++) words[i] = outcomeWord(acted[i]);
    if (limitable) words[acted.length] = LIMITED;
    this.limited = acted.length;
    this.outcomes = new RuleOutcomes(PREFIX + "decisions_total", name, words, isShadow, property);
    const gauge = isShadow ? 0 : define(MetricType.Gauge, "active_faults", rule);
    this.active = new ActiveFaults(gauge, maxActive);
    this.delays = delays && !isShadow ? define(MetricType.Histogram, "delay_ms", rule) : 0;
    this.abortDetails = Bytes.of("fault_injection_abort{" + rule + "}");
    this.blackHoleDetails = Bytes.of("fault_injection_black_hole{" + rule + "}");
  }

  static ofRule(rule: Rule, maxActive: u32, property: DecisionProperty | null): RuleMetrics {
    const selection = rule.selection;
    const limitable = !selection.shadow && (rule.maxActive > 0 || maxActive > 0);
    const delays = rule.delay != null;
    const acted: StaticArray<Outcome> =
      rule.countsMessages && !selection.shadow ? [Outcome.Armed, Outcome.Aborted] : [rule.outcome];
    return new RuleMetrics(
      selection.name,
      acted,
      selection.shadow,
      rule.maxActive,
      limitable,
      delays,
      property,
    );
  }

  static ofClients(name: Bytes, maxActive: u32, property: DecisionProperty | null): RuleMetrics {
    return new RuleMetrics(name, [Outcome.Delayed, Outcome.Aborted], false, maxActive, true, true, property);
  }

  /**
   * Counts that the rule acted, or in shadow mode that it would have, and returns the words for it.
   */
  act(outcome: Outcome): Bytes {
    let place = 0;
    while (place < this.acted.length - 1 && unchecked(this.acted[place]) != outcome) place++;
    return this.count(place);
  }

  /** Counts that a limit kept the rule from acting, and returns the words for it. */
  limit(): Bytes {
    return this.count(this.limited);
  }

  recordDelay(ms: u32): void {
    recordMetric(this.delays, ms);
  }

  private count(place: i32): Bytes {
    this.outcomes.count(place);
    return this.outcomes.explanation(place);
  }
}

/** Active faults of all rules. */
export function allActiveFaults(limit: u32): ActiveFaults {
  return new ActiveFaults(defineMetric(MetricType.Gauge, PREFIX + "all_active_faults"), limit);
}

function define(type: MetricType, name: string, rule: string): u32 {
  return defineMetric(type, metricName(PREFIX + name, ["rule", rule]));
}
