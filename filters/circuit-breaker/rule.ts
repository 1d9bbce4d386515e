// A rule: from the configuration, and at work.

import { Bytes, Reply } from "../../assembly";
import { DecisionProperty, RuleKey, RuleOutcomes, RuleSelection } from "../../assembly/rules";
import { Chance, CircuitPolicy } from "./circuit-policy";
import { Circuits } from "./circuits";
import { Failures } from "./failures";
import { Gate } from "./gate";
import { Force, OUTCOME_WORDS } from "./policy";
import { Throttle } from "./throttle/throttle";
import { Throttles } from "./throttle/throttles";

const PREFIX = "meshwright.circuit_breaker.";

/** How many requests go on for each that is accepted, and the nanoseconds in which they count. */
@final
export class ThrottlePolicy {
  constructor(
    readonly ratio: f64,
    readonly window: u64,
  ) {}
}

/** A rule from the configuration. */
@final
export class RulePolicy {
  constructor(
    readonly selection: RuleSelection,
    readonly key: RuleKey,
    readonly keys: u32,
    /** A request that lacks a part of the key passes uncounted. */
    readonly skipsMissing: bool,
    readonly circuit: CircuitPolicy,
    /** In place of circuits, or `null`. */
    readonly throttle: ThrottlePolicy | null,
    readonly failures: Failures,
    /** What a refused request gets. */
    readonly reply: Reply,
    /** Where refused requests go instead, or `null`. */
    readonly destination: Bytes | null,
    readonly force: Force,
  ) {}
}

/** Make it once the configuration is accepted: it defines metrics. */
@final
export class Rule {
  readonly gate: Gate;
  readonly outcomes: RuleOutcomes;
  /** The response code details of a refusal. */
  readonly details: Bytes;

  /**
   * @param plugin the plugin's name: rules of one name in plugins of one name and one `vm_id` share
   * their circuits
   */
  constructor(
    readonly policy: RulePolicy,
    plugin: Bytes,
    chance: Chance,
    property: DecisionProperty | null,
  ) {
    const name = policy.selection.name;
    const label = name.toString();
    const names: StaticArray<Bytes> = [plugin, name];
    const throttle = policy.throttle;
    this.gate = throttle
      ? new Throttles(names, label, policy.keys, new Throttle(throttle.ratio, throttle.window, chance))
      : new Circuits(names, label, policy.keys, policy.circuit, chance);
    this.outcomes = new RuleOutcomes(
      `${PREFIX}decisions_total`,
      name,
      OUTCOME_WORDS,
      policy.selection.shadow,
      property,
    );
    this.details = Bytes.of(`circuit_open{${label}}`);
  }

  get isShadow(): bool {
    return this.policy.selection.shadow;
  }
}
