// The rules of a plugin in their order: which of them take a request, by match and by share.

import { MatchList } from "./match-list";
import { RequestMatch } from "./request-match";
import { RequestView } from "./request-view";
import { RuleSelection } from "./rule-selection";

/** There is no such rule. */
const NONE: i32 = -1;

/** Only one walk at a time: `first`, then `next` as often as more rules are wanted. */
@final
export class SelectionList {
  private readonly matches: MatchList;

  constructor(private readonly selections: StaticArray<RuleSelection>) {
    const matches = new StaticArray<RequestMatch>(selections.length);
    for (let i = 0; i < matches.length; i++) matches[i] = selections[i].match;
    this.matches = new MatchList(matches);
  }

  /** The place of the first rule that takes the request, or -1. */
  first(request: RequestView): i32 {
    return this.included(this.matches.first(request), request);
  }

  /** The place of the next rule that takes it, or -1. */
  next(request: RequestView): i32 {
    return this.included(this.matches.next(request), request);
  }

  private included(from: i32, request: RequestView): i32 {
    let index = from;
    while (index != NONE && !unchecked(this.selections[index]).share.includes(request)) {
      index = this.matches.next(request);
    }
    return index;
  }
}
