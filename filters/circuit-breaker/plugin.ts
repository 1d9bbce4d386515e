// What all streams of a plugin share: its configuration in use.

import { Bytes, randomBytes } from "../../assembly";
import { HostRequestView, MatchList, RequestMatch, sharedSeed } from "../../assembly/rules";
import { Chance } from "./circuit";
import { CircuitBreakerConfig } from "./config";
import { Rule } from "./rule";

const NONE: i32 = -1;

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
  private readonly rules: StaticArray<Rule>;
  private readonly matches: MatchList;
  private readonly seed: Bytes;

  /** @param name the plugin's name */
  constructor(
    readonly config: CircuitBreakerConfig,
    name: Bytes,
  ) {
    this.request = new HostRequestView(config.slots);
    this.seed = sharedSeed();
    const chance = new HostChance();
    const rules = new StaticArray<Rule>(config.rules.length);
    const matches = new StaticArray<RequestMatch>(rules.length);
    for (let i = 0; i < rules.length; i++) {
      rules[i] = new Rule(config.rules[i], name, chance, config.explainProperty);
      matches[i] = config.rules[i].selection.match;
    }
    this.rules = rules;
    this.matches = new MatchList(matches);
  }

  rule(index: i32): Rule {
    return unchecked(this.rules[index]);
  }

  /** The first rule that takes the request, or -1. Call it in the request's callback. */
  first(): i32 {
    this.request.begin();
    return this.included(this.matches.first(this.request));
  }

  /** The next rule that also takes the request, or -1. */
  next(): i32 {
    return this.included(this.matches.next(this.request));
  }

  private included(index: i32): i32 {
    while (index != NONE && !this.rule(index).policy.selection.share.includes(this.request)) {
      index = this.matches.next(this.request);
    }
    return index;
  }

  /** Reads the request's key for that rule: `policy.key.hash`. False if it lacks a part. */
  readKey(rule: Rule): bool {
    return rule.policy.key.read(this.request, this.seed);
  }
}
