// Limits, defaults and words that `config.ts` and `schema.ts` share. Both languages compile this
// file: it imports nothing and has plain constants alone.

/** Chains in which the filter can stand. The default is the first. */
export const UPSTREAM = "upstream";
export const DOWNSTREAM = "downstream";

/** HTTP statuses of an answer to a retry that is refused. */
export const MIN_ANSWER_STATUS = 400;
export const MAX_ANSWER_STATUS = 599;
export const DEFAULT_ANSWER_STATUS = 503;

/** Statuses that routes may retry, and how many may be named. */
export const MIN_RETRIABLE_STATUS = 200;
export const MAX_RETRIABLE_STATUS = 599;
export const MAX_RETRIABLE_STATUSES = 64;

export const MAX_BUDGETS = 100;
/** The name of the budget where the configuration has none. */
export const DEFAULT_BUDGET = "default";
/** What budgets are kept apart by: exactly one of these. */
export const PER = ["cluster", "route", "header"];
/** Budgets that are kept apart for one entry: by a name, and by the values of a header. */
export const MAX_CALLERS = 65_536;
export const DEFAULT_NAMES = 1024;
/** Values of a header meet by chance: of fifty callers two do once in fourteen times. */
export const DEFAULT_HEADER_VALUES = 16_384;

/** Retries in percent of the requests. */
export const DEFAULT_PERCENTAGE = 20;
/** Over which requests and retries are counted, in milliseconds. */
export const MIN_TTL_MS = 1000;
export const MAX_TTL_MS = 60_000;
export const DEFAULT_TTL_MS = 10_000;
/** Retries that are always left: of a ratio each second, of a concurrency at once. */
export const MAX_LEAST = 100_000;
export const DEFAULT_RETRIES_PER_SECOND = 10;
export const DEFAULT_RETRY_CONCURRENCY = 3;
/** What a budget has at most one of. */
export const MEASURES = ["ratio", "concurrency"];

export const MAX_METHODS = 16;

/** Retries of one request. */
export const MAX_RETRIES = 10;
export const DEFAULT_RETRIES = 1;
