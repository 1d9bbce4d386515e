// Limits and words that the parsers and `schema.ts` share. Both languages compile this file: it
// imports nothing and has plain constants alone.

/** Chains in which the filter can stand. The default is the first. */
export const DOWNSTREAM = "downstream";
export const UPSTREAM = "upstream";

export const MAX_RULES = 1000;
/** Most faults that may be going on at once. */
export const MAX_ACTIVE = 1_000_000;
/** Most bytes of a moment: room for nanoseconds and more. */
export const MAX_INSTANT_SIZE = 40;

/** What a rule does: one of these, or several. */
export const FAULTS = ["delay", "abort", "blackHole", "response"];
/** Of these a rule has at most one. */
export const LAST_FAULTS = ["abort", "blackHole", "response"];

/** The longest delay, in milliseconds: an hour. */
export const MAX_DELAY_MS = 3_600_000;
/** What a delay has exactly one of. */
export const DISTRIBUTIONS = ["fixed", "uniform", "normal", "exponential", "logNormal", "percentiles"];
/** Of a log-normal distribution. */
export const MIN_SIGMA = 0.01;
export const MAX_SIGMA = 5;
/** Entries of `percentiles`, and the last one's percentile. */
export const MIN_PERCENTILES = 2;
export const MAX_PERCENTILES = 32;
export const LAST_PERCENTILE = 100;

/** What an abort answers with: exactly one of these. */
export const ABORT_STATUSES = ["status", "grpcStatus"];
export const MIN_STATUS = 200;
export const MAX_STATUS = 599;
export const MIN_GRPC_STATUS = 1;
export const MAX_GRPC_STATUS = 16;
/** Responses of these statuses have no body. */
export const NO_CONTENT = 204;
export const NOT_MODIFIED = 304;
export const MAX_REPLY_HEADERS = 32;

/** The longest that a black hole waits before it answers, in milliseconds: a day. */
export const MAX_BLACK_HOLE_MS = 86_400_000;

/** How a response is spoilt: one of these, or several. */
export const RESPONSE_FAULTS = ["status", "truncateAfter", "bytesPerSecond"];
/** Most bytes of a body that pass, and most bytes a second: 1 GiB. */
export const MAX_BYTES = 1_073_741_824;

/** What clients ask for faults with, where the configuration has no other names. */
export const DELAY_HEADER = "x-envoy-fault-delay-request";
export const ABORT_HEADER = "x-envoy-fault-abort-request";
export const GRPC_ABORT_HEADER = "x-envoy-fault-abort-grpc-request";
export const PERCENTAGE_HEADER = "x-envoy-fault-percentage";
/** The rule's name in metrics for faults that clients ask for. */
export const CLIENT_NAME = "client";
/** What longer delays that clients ask for are cut down to, in milliseconds. */
export const CLIENT_MAX_DELAY_MS = 10_000;
