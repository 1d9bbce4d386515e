// Limits and words of what rules of every filter share. The parsers beside this file and their zod
// twins in `filters/shared` both compile it, so it imports nothing and has only plain constants.

/** Percentages come in steps of 0.01. */
export const MAX_PERCENTAGE = 100;
export const STEPS_PER_PERCENT = 100;

/** Most bytes of a text that a value or a path is tested against. */
export const MAX_TEXT_SIZE = 4096;
/** Most bytes of the name of a query parameter or of a cookie, and of a word of a claim's path. */
export const MAX_NAME_SIZE = 256;
/** Most bytes of the name of a method. */
export const MAX_METHOD_SIZE = 32;
/** Most bytes of a salt. */
export const MAX_SALT_SIZE = 256;
/**
 * Most tests of headers in one match. The same limit holds for query parameters, cookies and
 * claims.
 */
export const MAX_TESTS = 32;
/** Most matches of one `anyOf`. */
export const MAX_ALTERNATIVES = 32;
/** Most matches within each other, by `anyOf` and `not`. */
export const MAX_MATCH_DEPTH = 4;
/** Most addresses and ranges of one match. */
export const MAX_RANGES = 1000;
/** Most methods of one match. */
export const MAX_METHODS = 16;
/** Most values of one `oneOf`. */
export const MAX_MEMBERS = 1000;

/** The pseudo-headers that a test may name. */
export const AUTHORITY_HEADER = ":authority";
export const SCHEME_HEADER = ":scheme";

/** Most bytes of the tables of all regular expressions of a configuration. */
export const MAX_REGEX_TABLES = 16_777_216;

/** The tests of a value, which must have exactly one of them. */
export const VALUE_TESTS = [
  "exact",
  "prefix",
  "suffix",
  "contains",
  "regex",
  "oneOf",
  "present",
  "absent",
  "range",
];
/** The tests of a path, which must have exactly one of them. */
export const PATH_TESTS = ["exact", "prefix", "suffix", "regex", "segments"];
/** The tests of which `ignoreCase` can be said. A regular expression says it by `(?i)`. */
export const CASE_TESTS = ["exact", "prefix", "suffix", "contains", "oneOf", "segments"];
/** What can identify a request when the same one must always have the same outcome. */
export const KEY_SOURCES = ["header", "cookie", "clientAddress", "traceId", "jwtClaim"];

/**
 * Names that the property of `explainProperty` must not have, with spaces between them: the first
 * segments of the paths of Envoy's attributes.
 */
export const ATTRIBUTE_ROOTS =
  "cluster_metadata cluster_name connection connection_id destination filter_state listener_direction " +
  "listener_metadata metadata node plugin_name plugin_root_id plugin_vm_id request response route_metadata " +
  "route_name source upstream upstream_filter_state upstream_host_metadata xds";

/** Most words of the path to a claim. */
export const MAX_CLAIM_DEPTH = 8;
export const JWT_NAMESPACE = "envoy.filters.http.jwt_authn";
