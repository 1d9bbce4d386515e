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
