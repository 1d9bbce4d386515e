// Limits, defaults and words that `config.ts` and `schema.ts` share. Both languages compile this
// file, so it imports nothing and has only plain constants.

export const MAX_RULES = 100;

/** How much of a request's query belongs to its key. */
export const WHOLE_QUERY = "whole";
export const NAMED_QUERY = "named";

/** Answers of one rule that are kept at once. */
export const MAX_ANSWERS = 16_384;
export const DEFAULT_ANSWERS = 256;

/** Statuses of answers that may be kept. Two of them never: 206 and 304 are parts of an answer. */
export const MIN_KEPT_STATUS = 200;
export const MAX_KEPT_STATUS = 499;
export const PARTIAL_CONTENT = 206;
export const NOT_MODIFIED = 304;
export const DEFAULT_KEPT_STATUS = 200;
/** Most entries of a list of statuses. */
export const MAX_STATUSES = 64;

/** Bytes of a body. */
export const MAX_BODY = 65_536;
export const DEFAULT_BODY = 16_384;
/** How long a kept answer is not kept anew. */
export const MIN_REFRESH_MS = 100;
export const MAX_REFRESH_MS = 3_600_000;
export const DEFAULT_REFRESH_MS = 1000;
/** Marks of requests and answers that forbid to keep an answer, unless they are named. */
export const MARKS = ["authorization", "cookie", "setCookie", "cacheControl", "vary"];
/** Response headers that a rule leaves out. */
export const MAX_OMITTED_HEADERS = 32;

/** Statuses of answers in whose place a kept one is served. */
export const MIN_FAILED_STATUS = 400;
export const MAX_FAILED_STATUS = 599;
/** Every status from 500 to 599. */
export const SERVER_ERRORS = "5xx";
/** What Envoy itself reports of an upstream. */
export const NETWORK_FAILURES = ["refused", "reset", "timeout", "noHealthyHost", "overflow"];
/** Answers of other filters, by the response code details before their first brace. */
export const MAX_LOCAL_REPLIES = 32;
export const DEFAULT_LOCAL_REPLIES = [
  "circuit_open",
  "deadline_exceeded",
  "retry_budget_exceeded",
  "retry_deadline_exceeded",
  "retry_not_allowed",
  "fault_injection_abort",
];

/** How long a call may take that asks for a newer answer. */
export const MIN_REVALIDATE_MS = 10;
export const MAX_REVALIDATE_MS = 60_000;
export const DEFAULT_REVALIDATE_MS = 1000;

/** Ages of answers that are served, in milliseconds. */
export const MIN_AGE_MS = 1000;
export const MAX_AGE_MS = 604_800_000;
export const DEFAULT_MAX_AGE_MS = 86_400_000;
export const DEFAULT_STALE_IF_ERROR_MS = 3_600_000;
