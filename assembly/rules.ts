// What filters with rules share: matches, shares of the traffic, shadow mode, outcomes and
// explanations.

export { Explanation } from "./rules/explanation";
export { HostRequestView } from "./rules/host-request-view";
export {
  countPresent,
  parseExplainHeader,
  parseMatch,
  parseMethod,
  parsePercentage,
  parseTestedHeader,
  parseWrittenHeader,
  theOneOf,
} from "./rules/match-config";
export { MatchList } from "./rules/match-list";
export { RequestMatch } from "./rules/request-match";
export { RequestSlots, RequestView } from "./rules/request-view";
export { RuleOutcomes } from "./rules/rule-outcomes";
export { parseRuleSelection, parseSalt, RuleSelection, SELECTION_KEYS, Share } from "./rules/rule-selection";
export { sharedSeed } from "./rules/shared-seed";
export { parseStickyKey, StickyKey } from "./rules/sticky-key";
export { BytesTable } from "./text/bytes-table";
export { BUCKETS, bucketOf, hash64 } from "./text/hash";
