// Limits, names and words that the parsers and `schema.ts` share. Both languages compile this file,
// so it imports nothing and has only plain constants.

export const MAX_RULES = 100;

/**
 * Header fields that the filter itself writes to responses. An explanation must not use one of
 * them.
 */
export const RETRY_AFTER_FIELD = "retry-after";
export const RATELIMIT_FIELD = "ratelimit";
export const RATELIMIT_POLICY_FIELD = "ratelimit-policy";
export const X_LIMIT_FIELD = "x-ratelimit-limit";
export const X_REMAINING_FIELD = "x-ratelimit-remaining";
export const X_RESET_FIELD = "x-ratelimit-reset";

/** The limit, what remains, and the time until it is whole again, as OpenAI's API names them. */
export const REQUEST_FIELDS = [
  "x-ratelimit-limit-requests",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-reset-requests",
];
export const TOKEN_FIELDS = [
  "x-ratelimit-limit-tokens",
  "x-ratelimit-remaining-tokens",
  "x-ratelimit-reset-tokens",
];

/** Words of `headers`. */
export const NO_FIELDS = "none";
export const IETF_FIELDS = "ietf";
export const X_FIELDS = "x-ratelimit";
export const OPENAI_FIELDS = "openai";

/** What stands in the body of a refusal for what the request met. */
export const RULE_WORD = "{rule}";
export const RETRY_AFTER_WORD = "{retryAfter}";
export const LIMIT_WORD = "{limit}";
export const REMAINING_WORD = "{remaining}";

/** The status of a refusal's answer. */
export const MIN_STATUS = 400;
export const MAX_STATUS = 599;
export const DEFAULT_STATUS = 429;
export const MIN_GRPC_STATUS = 1;
export const MAX_GRPC_STATUS = 16;
/** RESOURCE_EXHAUSTED. */
export const DEFAULT_GRPC_STATUS = 8;

/** Words of `missing`. */
export const SKIP_MISSING = "skip";
export const SHARE_MISSING = "share";
export const DENY_MISSING = "deny";

/** Most matches that are exempt from a rule. */
export const MAX_MATCHES = 32;

/** The source of a request's cost: exactly one of these. The last three are in its answer. */
export const COSTS = ["fixed", "header", "statuses", "responseHeader", "responseJson", "responseJsonSum"];
/** How many of them are in the request. */
export const REQUEST_COSTS = 2;
/** The sources that may be missing, so that they have `default` and `max`. */
export const UNSURE_COSTS = ["header", "responseHeader", "responseJson", "responseJsonSum"];
/** Statuses of an answer that cost something, and how many of them. */
export const MIN_ANSWER_STATUS = 200;
export const MAX_ANSWER_STATUS = 599;
export const MAX_ANSWER_STATUSES = 64;
/** Keys on the way to a number in an answer's JSON, and the most bytes of each. */
export const MAX_JSON_PATH = 8;
export const MAX_JSON_KEY_SIZE = 128;
/** Numbers that one cost adds up, and how often each may count. */
export const MAX_JSON_NUMBERS = 8;
export const DEFAULT_JSON_WEIGHT = 1;
export const MAX_JSON_WEIGHT = 1000;
export const MAX_COST = 1_000_000;
export const DEFAULT_COST = 1;
/** Most that a header can make a request cost, unless the configuration sets another maximum. */
export const DEFAULT_MAX_COST = 1000;

/** Units of a limit. */
export const SECOND = "second";
export const MINUTE = "minute";
export const HOUR = "hour";
export const DAY = "day";
/** How many seconds these units have. */
export const SECONDS_OF_MINUTE = 60;
export const SECONDS_OF_HOUR = 3600;
export const SECONDS_OF_DAY = 86_400;

/** Most requests in a unit, and most at once. */
export const MAX_LIMIT = 1_000_000_000;
/** Most seconds until a burst is full again: ten years. */
export const MAX_REFILL_SECONDS = 315_360_000;
/** Keys that may be active at once. */
export const MAX_KEYS = 10_000_000;
export const DEFAULT_KEYS = 100_000;
/** The part of a burst that a worker may hold of a key, and the least burst that has such parts. */
export const LEASES_OF_BURST = 1000;
export const MIN_LEASED_BURST = 2000;

/** Most requests of a key in flight. */
export const MAX_CONCURRENCY = 1_000_000;
/** How long the requests of a VM count after it was last heard of, in milliseconds. */
export const MIN_LEASE_MS = 1000;
export const MAX_LEASE_MS = 3_600_000;
export const DEFAULT_LEASE_MS = 30_000;

/** Most bytes of the name of the service's cluster, and of its domain. */
export const MAX_NAME_SIZE = 256;
/** How long the service may take, in milliseconds. */
export const MIN_TIMEOUT_MS = 1;
export const MAX_TIMEOUT_MS = 60_000;
export const DEFAULT_TIMEOUT_MS = 20;
/** Words of `failureMode`. */
export const ALLOW_FAILURE = "allow";
export const DENY_FAILURE = "deny";
export const LOCAL_FAILURE = "local";
