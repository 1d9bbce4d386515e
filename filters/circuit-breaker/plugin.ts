// What all streams of a plugin share: its configuration in use.

import { Bytes, randomBytes } from "../../assembly";
import { HostRequestView, SelectionList, sharedSeed } from "../../assembly/rules";
import { Chance } from "./circuit-policy";
import { CircuitBreakerConfig } from "./config";
import { HostRule } from "./hosts/rule";
import { Rule } from "./rule";

/** Numbers that no client can guess. */
@final
class HostChance extends Chance {
  fraction(): f64 {
    return <f64>(load<u64>(randomBytes(8)) >> 11) * (1.0 / 9007199254740992.0);
  }
}

@final
export class Plugin {
  readonly request: HostRequestView;
  /** Those of a listener's chain, or those of a cluster's. */
  private readonly rules: StaticArray<Rule>;
  private readonly hostRules: StaticArray<HostRule>;
  private readonly selections: SelectionList;
  private readonly seed: Bytes;

  /** @param name the plugin's name */
  constructor(
    readonly config: CircuitBreakerConfig,
    name: Bytes,
  ) {
    this.request = new HostRequestView(config.slots);
    this.seed = sharedSeed();
    const chance = new HostChance();
    const property = config.explainProperty;
    const rules = new StaticArray<Rule>(config.rules.length);
    for (let i = 0; i < rules.length; i++) rules[i] = new Rule(config.rules[i], name, chance, property);
    const hostRules = new StaticArray<HostRule>(config.hostRules.length);
    for (let i = 0; i < hostRules.length; i++) {
      hostRules[i] = new HostRule(config.hostRules[i], name, property);
    }
    this.rules = rules;
    this.hostRules = hostRules;
    this.selections = new SelectionList(config.selections);
  }

  rule(index: i32): Rule {
    return unchecked(this.rules[index]);
  }

  hostRule(index: i32): HostRule {
    return unchecked(this.hostRules[index]);
  }

  /** The first rule that takes the request, or -1. Call it in the request's callback. */
  first(): i32 {
    this.request.begin();
    return this.selections.first(this.request);
  }

  /** The next rule that also takes the request, or -1. */
  next(): i32 {
    return this.selections.next(this.request);
  }

  /** Reads the request's key for that rule: `policy.key.hash`. False if it lacks a part. */
  readKey(rule: Rule): bool {
    return rule.policy.key.read(this.request, this.seed);
  }
}
