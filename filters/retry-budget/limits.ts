// Limits, defaults and words that `config.ts` and `schema.ts` share. Both languages compile this
// file, so it imports nothing and has only plain constants.

/** Chains in which the filter can stand. The default is the first. */
export const UPSTREAM = "upstream";
export const DOWNSTREAM = "downstream";

/** HTTP statuses of the answer to a refused retry. */
export const MIN_ANSWER_STATUS = 400;
export const MAX_ANSWER_STATUS = 599;
export const DEFAULT_ANSWER_STATUS = 503;

/** Statuses that routes may retry, and how many of them may be named. */
export const MIN_RETRIABLE_STATUS = 200;
export const MAX_RETRIABLE_STATUS = 599;
export const MAX_RETRIABLE_STATUSES = 64;

export const MAX_BUDGETS = 100;
/** The name of the budget if the configuration has none. */
export const DEFAULT_BUDGET = "default";
/** What has a budget of its own: exactly one of these. */
export const PER = ["cluster", "route", "header"];
/** Bytes of a cluster's name. */
export const MAX_CLUSTER_SIZE = 256;
/** Most budgets of one entry, and the default by cluster or route. */
export const MAX_CALLERS = 65_536;
export const DEFAULT_NAMES = 1024;
/**
 * The default by header. Values collide by chance: among fifty callers two do once in fourteen
 * times.
 */
export const DEFAULT_HEADER_VALUES = 16_384;

/** Retries in percent of the requests. */
export const DEFAULT_PERCENTAGE = 20;
/** The window over which requests and retries are counted, in milliseconds. */
export const MIN_TTL_MS = 1000;
export const MAX_TTL_MS = 60_000;
export const DEFAULT_TTL_MS = 10_000;
/** Retries that are always allowed: each second with a ratio, at once with a concurrency. */
export const MAX_LEAST = 100_000;
export const DEFAULT_RETRIES_PER_SECOND = 10;
export const DEFAULT_RETRY_CONCURRENCY = 3;
/** How a budget is measured: at most one of these. */
export const MEASURES = ["ratio", "concurrency"];

export const MAX_METHODS = 16;

/** Retries of one request. */
export const MAX_RETRIES = 10;
export const DEFAULT_RETRIES = 1;
