// Limits, defaults and words that `config.ts` and `schema.ts` share. Both languages compile this
// file, so it imports nothing and has only plain constants.

export const MAX_RULES = 100;

/** The request header that names a destination, as header-routing writes it. */
export const DESTINATION_HEADER = "x-mesh-destination";

/** Circuits of one rule that may be away from their resting state at once. */
export const MAX_KEYS = 100_000;
export const DEFAULT_KEYS = 1000;
/** Words of `missing`. */
export const SHARE_MISSING = "share";
export const SKIP_MISSING = "skip";

/** How a circuit trips: at most one of these. */
export const TRIPS = ["evidence", "consecutive", "rate"];
export const MAX_CONSECUTIVE = 1000;
/** Failures in percent of the requests, in steps of 0.01. */
export const MIN_PERCENTAGE = 0.01;
export const MAX_BAD_PERCENTAGE = 99.99;
export const DEFAULT_TOLERATED = 5;
export const DEFAULT_BAD = 50;
/** The word of `tolerated` for a share that is learned, and the limits of what is learned. */
export const LEARNED = "learned";
export const DEFAULT_AT_LEAST = 1;
export const DEFAULT_AT_MOST = 20;
/** Requests, in the mean, between two false trips. */
export const MIN_REQUESTS_PER_FALSE_TRIP = 100;
export const MAX_REQUESTS_PER_FALSE_TRIP = 1_000_000_000_000;
export const DEFAULT_REQUESTS_PER_FALSE_TRIP = 1_000_000;
export const DEFAULT_RATE = 50;
export const MAX_MIN_REQUESTS = 1_000_000;
export const DEFAULT_MIN_REQUESTS = 20;
export const MIN_WINDOW_MS = 100;
export const MAX_WINDOW_MS = 3_600_000;
export const DEFAULT_WINDOW_MS = 10_000;

/** What a rule with `throttle` cannot have. */
export const CIRCUIT_FIELDS = ["trip", "open", "halfOpen"];
/** `throttle`: requests for each that the upstream accepts, and the window in which they count. */
export const MIN_THROTTLE_RATIO = 1.01;
export const MAX_THROTTLE_RATIO = 100;
export const DEFAULT_THROTTLE_RATIO = 2;
export const DEFAULT_THROTTLE_WINDOW_MS = 120_000;

/** HTTP statuses that may count as failures, one by one or as a class. */
export const MIN_FAILURE_STATUS = 400;
export const MAX_FAILURE_STATUS = 599;
export const MAX_FAILURE_STATUSES = 64;
/** Every status from 500 to 599. */
export const SERVER_ERRORS = "5xx";
/** These two say that a limit was reached, and never count. */
export const TOO_MANY_REQUESTS = 429;
export const RESOURCE_EXHAUSTED = 8;
export const MIN_GRPC_FAILURE = 1;
export const MAX_GRPC_FAILURE = 16;
/** DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
export const DEFAULT_GRPC_FAILURES = [4, 13, 14, 15];
/** What Envoy itself reports of an upstream. */
export const NETWORK_FAILURES = ["refused", "reset", "timeout", "noHealthyHost", "incomplete"];
/** All but `incomplete`, which has to wait for the end of each response. */
export const DEFAULT_NETWORK_FAILURES = ["refused", "reset", "timeout", "noHealthyHost"];
export const MIN_SLOW_MS = 1;
export const MAX_SLOW_MS = 3_600_000;

/** How long a circuit stays open. */
export const MIN_SLEEP_MS = 10;
export const MAX_SLEEP_MS = 86_400_000;
export const DEFAULT_SLEEP_MS = 5000;
export const DEFAULT_MAX_SLEEP_MS = 300_000;
export const MAX_JITTER = 100;
export const DEFAULT_JITTER = 50;

/** Requests that a half-open circuit lets through, and how long each may take. */
export const MAX_PROBES = 16;
export const DEFAULT_PROBES = 1;
export const MIN_LEASE_MS = 100;
export const MAX_LEASE_MS = 3_600_000;
export const DEFAULT_LEASE_MS = 20_000;
export const MAX_RAMP_MS = 3_600_000;

/** The answer of an open circuit. */
export const MIN_ANSWER_STATUS = 200;
export const MAX_ANSWER_STATUS = 599;
export const DEFAULT_ANSWER_STATUS = 503;
export const MAX_GRPC_STATUS = 16;
/** UNAVAILABLE. */
export const DEFAULT_GRPC_STATUS = 14;

/** Words of `force`. */
export const FORCE_OPEN = "open";
export const FORCE_CLOSED = "closed";

/** Words of `where`: the chain in which the filter stands. */
export const DOWNSTREAM = "downstream";
export const UPSTREAM = "upstream";

/** The response header that tells Envoy's outlier detection of a slow host. */
export const OUTLIER_HEADER = "x-mesh-outlier";
/** A response is slow if it takes so many times as long as those of other hosts. */
export const MAX_TIMES = 100;
export const DEFAULT_TIMES = 3;
export const DEFAULT_SLOW_HOST_MS = 100;
/** Responses, in the mean, between two false marks. */
export const DEFAULT_RESPONSES_PER_FALSE_MARK = 1_000_000;
