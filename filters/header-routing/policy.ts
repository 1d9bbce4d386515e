// The decision: which destination a request goes to. Pure: it reaches the host only through the
// request view.

import { MatchList, RequestMatch, RequestView } from "../../assembly/rules";
import { Split, Target } from "./split";

/** A rule: a match and its result. */
@final
export class Rule {
  constructor(
    readonly match: RequestMatch,
    /** The only target, or `null` if `split` chooses. */
    readonly target: Target | null,
    readonly split: Split | null,
  ) {}
}

/** An ordered list of rules. */
@final
export class RuleList {
  private readonly matches: MatchList;

  constructor(private readonly rules: StaticArray<Rule>) {
    const matches = new StaticArray<RequestMatch>(rules.length);
    for (let i = 0; i < rules.length; i++) matches[i] = rules[i].match;
    this.matches = new MatchList(matches);
  }

  /** The target of the first rule that matches, or `null` when none does. */
  decide(request: RequestView): Target | null {
    const number = this.matches.first(request);
    if (number < 0) return null;
    const rule = unchecked(this.rules[number]);
    const split = rule.split;
    return split ? split.choose(request) : rule.target;
  }
}
