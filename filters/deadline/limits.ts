// Limits, defaults and words that `config.ts` and `schema.ts` share. Both languages compile this
// file, so it imports nothing and has only plain constants.

/** Chains in which the filter can stand. The default is the first. */
export const DOWNSTREAM = "downstream";
export const UPSTREAM = "upstream";

/** The request header with milliseconds, unless the configuration names another. */
export const DEFAULT_HEADER = "x-request-timeout-ms";
/** Headers that have another form, or that only the router must see. */
export const ROUTER_TIMEOUT_HEADER = "x-envoy-upstream-rq-timeout-ms";
export const PER_TRY_TIMEOUT_HEADER = "x-envoy-upstream-rq-per-try-timeout-ms";
export const GRPC_TIMEOUT_HEADER = "grpc-timeout";

/** The side of a service on which traces' deadlines are remembered, and the one that asks. */
export const INBOUND = "inbound";
export const OUTBOUND = "outbound";

export const MAX_RULES = 100;
/** The name of the rule if the configuration has none. */
export const DEFAULT_RULE = "default";

/** Lengths of time in milliseconds. */
export const MIN_TIME_MS = 1;
export const MAX_TIME_MS = 3_600_000;
/** The timeout of a route of Envoy's that says nothing else. */
export const DEFAULT_MAX_MS = 15_000;
export const MIN_MARGIN_MS = 0;
export const MAX_MARGIN_MS = 10_000;
