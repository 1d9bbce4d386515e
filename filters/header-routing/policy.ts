// The decision: which destination a request goes to. Pure: it reaches the host only through the
// request view.

import { TextBuffer } from "../../assembly";
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
    /** The rule only counts what it would choose, and those after it decide. */
    readonly isShadow: bool,
  ) {}

  /** The target for a request that matches; `setCookie` as for `Split.choose`. */
  choose(request: RequestView, setCookie: TextBuffer | null): Target | null {
    const split = this.split;
    return split ? split.choose(request, setCookie) : this.target;
  }
}

/** An ordered list of rules. Only one walk at a time. */
@final
export class RuleList {
  private readonly matches: MatchList;

  constructor(private readonly rules: StaticArray<Rule>) {
    const matches = new StaticArray<RequestMatch>(rules.length);
    for (let i = 0; i < rules.length; i++) matches[i] = rules[i].match;
    this.matches = new MatchList(matches);
  }

  /** The first rule that matches, or `null` when none does. */
  first(request: RequestView): Rule | null {
    return this.at(this.matches.first(request));
  }

  /** The next one, or `null`. It decides if all before it are in shadow mode. */
  next(request: RequestView): Rule | null {
    return this.at(this.matches.next(request));
  }

  private at(number: i32): Rule | null {
    return number < 0 ? null : unchecked(this.rules[number]);
  }
}
