// What filters with rules share. Each piece that is configured has a zod twin in `filters/shared`.

// The request as rules see it: `RequestSlots` collects the names that the configuration uses while
// it is read. `HostRequestView` then asks the host for each of these at most once a request.

export { CookieWalk } from "./rules/cookies";
export { HostRequestView } from "./rules/host-request-view";
export { RequestSlots } from "./rules/request-slots";
export { RequestView } from "./rules/request-view";

// Which requests a rule is about.

export { parseAddressRanges } from "./rules/attribute-config";
export { parseMatch, parseMethod, parseTestedHeader } from "./rules/match-config";
export { MatchList } from "./rules/match-list";
export { RequestMatch } from "./rules/request-match";
export { countPresent, theOneOf } from "./rules/value-config";

// Claims of tokens: where one is, and its bytes as a key.

export { Claim, ClaimKind } from "./rules/claim";
export { parseClaim } from "./rules/claim-config";
export { claimKey, shownKey } from "./rules/claim-key";

// Which share of these requests it takes, and whether it is in shadow mode.

export { parsePercentage } from "./rules/match-config";
export { parseRuleSelection, parseSalt, RuleSelection, SELECTION_KEYS, Share } from "./rules/rule-selection";
export { SelectionList } from "./rules/selection-list";
export { parseStickyKey, StickyKey } from "./rules/sticky-key";

// The outcome: counters, and the response header and the property that explain it.

export { DecisionProperty, parseExplainProperty } from "./rules/decision-property";
export { Explanation } from "./rules/explanation";
export { parseExplainHeader, parseWrittenHeader } from "./rules/match-config";
export { RuleOutcomes } from "./rules/rule-outcomes";

// The id of a request's trace.

export { idHalf, TraceId } from "./rules/trace-id";

// Keys that a rule reads from requests.

export { Address } from "./rules/key/address";
export { AddressRanges } from "./rules/key/address-ranges";
export { KeyVocabulary, parseKey } from "./rules/key/config";
export { RuleKey } from "./rules/key/key";
export { KEY_PARTS, TARGET_PARTS } from "./rules/key/limits";

// Keys: told apart by a hash, for stickiness, or under a secret that all workers share; and what
// workers keep for each of very many keys.

export { sharedSeed } from "./rules/shared-seed";
export { Kept, SharedTable, tagOf } from "./rules/shared-table";
export { TableKey } from "./rules/table-key";
export { BytesTable } from "./text/bytes-table";
export { BUCKETS, bucketOf, hash64 } from "./text/hash";
export { sipHash } from "./text/sip-hash";
