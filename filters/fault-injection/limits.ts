// Limits and words that the parsers and `schema.ts` share. Both languages compile this file, so it
// imports nothing and has only plain constants.

/** Chains in which the filter can stand. The default is the first. */
export const DOWNSTREAM = "downstream";
export const UPSTREAM = "upstream";

export const MAX_RULES = 1000;
/** Most faults that may be active at once. */
export const MAX_ACTIVE = 1_000_000;
/** Most bytes of a moment: room for nanoseconds and more. */
export const MAX_INSTANT_SIZE = 40;

/** What a rule does: one or several of these. */
export const FAULTS = ["delay", "abort", "blackHole", "tlsFailure", "response"];
/** Of these a rule may have at most one. */
export const LAST_FAULTS = ["abort", "blackHole", "tlsFailure", "response"];

/** How the turns of a rule are given: exactly one of these. In the order of `TurnKind`. */
export const TURN_KINDS = ["sequence", "every", "nth"];
/** What a turn of a sequence may be. */
export const TURNS = ["fail", "pass"];
/** What comes after a sequence. The default is the first. In the order of `AfterEnd`. */
export const AFTER_SEQUENCE = ["repeat", "pass", "fail"];
/** Most turns of a sequence, and the largest number of a turn. */
export const MAX_SEQUENCE = 100;
export const MAX_TURN = 1_000_000_000;

/** The longest delay, in milliseconds: an hour. */
export const MAX_DELAY_MS = 3_600_000;
/** The distributions of a delay, which has exactly one of them. */
export const DISTRIBUTIONS = ["fixed", "uniform", "normal", "exponential", "logNormal", "percentiles"];
/** Bounds of the sigma of a log-normal distribution. */
export const MIN_SIGMA = 0.01;
export const MAX_SIGMA = 5;
/** Number of entries of `percentiles`, and the percentile of the last one. */
export const MIN_PERCENTILES = 2;
export const MAX_PERCENTILES = 32;
export const LAST_PERCENTILE = 100;

/** The status of an abort's answer: exactly one of these. */
export const ABORT_STATUSES = ["status", "grpcStatus"];
export const MIN_STATUS = 200;
export const MAX_STATUS = 599;
export const MIN_GRPC_STATUS = 1;
/** The status of a gRPC call that is cut off: UNAVAILABLE. */
export const CUT_GRPC_STATUS = 14;
export const MAX_GRPC_STATUS = 16;
/** Responses of these statuses have no body. */
export const NO_CONTENT = 204;
export const NOT_MODIFIED = 304;

/** The longest that a black hole waits before it answers, in milliseconds: a day. */
export const MAX_BLACK_HOLE_MS = 86_400_000;

/**
 * The name that Envoy expects in the upstream's certificate, so that the handshake fails, unless
 * the rule says another. Nobody can have a name below `invalid` (RFC 2606).
 */
export const EXPECTED_NAME = "fault-injected.invalid";
/** Most bytes of such a name. */
export const MAX_EXPECTED_NAME_SIZE = 253;

/** How a response is spoilt: one or several of these. */
export const RESPONSE_FAULTS = ["status", "truncateAfter", "afterMessages", "bytesPerSecond"];
/** Where a body is cut off: at most one of these. */
export const CUTS = ["truncateAfter", "afterMessages"];
/** Most messages of a gRPC call that pass. */
export const MAX_MESSAGES = 1_000_000_000;
/** Most bytes of a body that pass, and most bytes per second: 1 GiB. */
export const MAX_BYTES = 1_073_741_824;

/** The headers with which clients ask for faults, unless the configuration names others. */
export const DELAY_HEADER = "x-envoy-fault-delay-request";
export const ABORT_HEADER = "x-envoy-fault-abort-request";
export const GRPC_ABORT_HEADER = "x-envoy-fault-abort-grpc-request";
export const PERCENTAGE_HEADER = "x-envoy-fault-percentage";
/** The name in metrics for faults that clients ask for. */
export const CLIENT_NAME = "client";
/** Faults that clients may have at once, unless the configuration says otherwise. */
export const CLIENT_MAX_ACTIVE = 100;
/** A request with a longer body gets no delay that a client asks for: 1 MiB. */
export const CLIENT_MAX_BODY_BYTES = 1_048_576;
/** Longer delays that clients ask for are cut down to this, in milliseconds. */
export const CLIENT_MAX_DELAY_MS = 10_000;
