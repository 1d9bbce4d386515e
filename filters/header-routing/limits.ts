// Limits and names that `config.ts` and `schema.ts` share. Both languages compile this file, so it
// imports nothing and has only plain constants.

/** The request header that names the destination, unless the configuration names another. */
export const DESTINATION_HEADER = "x-mesh-destination";

export const MAX_RULES = 10_000;

/** The result of a rule: exactly one of these. */
export const RESULTS = ["destination", "split", "redirect", "answer"];

/** Limits of one split. */
export const MAX_DESTINATIONS = 64;
export const MAX_WEIGHT = 1_000_000;
export const MAX_PINS = 64;

/** Most keys of one pin, and most bytes of one key. */
export const MAX_PINNED_KEYS = 1000;
export const MAX_PINNED_KEY_SIZE = 4096;

/** The cookie of a split, unless the configuration names another: its name, and its path. */
export const VISITOR_COOKIE = "mesh-visitor";
export const COOKIE_PATH = "/";
/** Most bytes of the two, and of a domain. */
export const MAX_COOKIE_NAME_SIZE = 64;
export const MAX_COOKIE_PATH_SIZE = 1024;
export const MAX_DOMAIN_SIZE = 253;
/** How long a cookie lives, in milliseconds: at most 400 days, which browsers keep to anyway. */
export const MIN_COOKIE_AGE_MS = 1000;
export const MAX_COOKIE_AGE_MS = 34_560_000_000;
/** What `sameSite` may be. The default is the first. The last one is for secure cookies alone. */
export const SAME_SITE = ["lax", "strict", "none"];
/** Beginnings of names that browsers hold to rules, in small letters. */
export const SECURE_PREFIX = "__secure-";
export const HOST_PREFIX = "__host-";
/** Most secrets of a cookie, and the bytes that each must have and may have. */
export const MAX_SECRETS = 8;
export const MIN_SECRET_SIZE = 16;
export const MAX_SECRET_SIZE = 256;

/** What a rule can do to the requests that go to a destination. */
export const ACTIONS = ["rewrite", "requestHeaders", "responseHeaders", "mirror"];

/** The request header that names who gets a copy. */
export const MIRROR_HEADER = "x-mesh-mirror";
/** The request header that keeps the path of before a rewrite, as for Envoy's own rewrites. */
export const ORIGINAL_PATH_HEADER = "x-envoy-original-path";

/** What a rewrite changes: one or several of these. */
export const REWRITES = ["path", "prefix", "host"];
/** What a redirect changes: one or several of these. */
export const REDIRECTS = ["scheme", "host", "port", "path", "prefix"];
/** How a path is changed: at most one of these. */
export const PATH_CHANGES = ["path", "prefix"];
/** Most bytes of a path or a host in the configuration. */
export const MAX_PATH_SIZE = 4096;
export const MAX_HOST_SIZE = 255;
export const SCHEMES = ["http", "https"];
export const MAX_PORT = 65_535;
/** Statuses of a redirect, and the one that is not cached. */
export const REDIRECT_STATUSES = [301, 302, 303, 307, 308];
export const DEFAULT_REDIRECT_STATUS = 302;

/** How headers are edited, in this order: one or several of these. */
export const EDITS = ["remove", "set", "add"];
/** Most headers in each of these lists. */
export const MAX_EDITS = 32;

/** Statuses of an answer. */
export const MIN_STATUS = 200;
export const MAX_STATUS = 599;
export const MAX_GRPC_STATUS = 16;
/** Answers of these statuses have no body. */
export const BODILESS = [204, 304];
