// Limits and names that `config.ts` and `schema.ts` share. Both languages compile this file, so it
// imports nothing and has only plain constants.

/** The request header that names the destination, unless the configuration names another. */
export const DESTINATION_HEADER = "x-mesh-destination";

export const MAX_RULES = 10_000;

/** The result of a rule: exactly one of these. */
export const RESULTS = ["destination", "split"];

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
