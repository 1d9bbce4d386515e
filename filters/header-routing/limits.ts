// Limits and names that `config.ts` and `schema.ts` share. Both languages compile this file: it
// imports nothing and has plain constants alone.

/** The request header that says the destination, where the configuration names no other. */
export const DESTINATION_HEADER = "x-mesh-destination";

export const MAX_RULES = 10_000;

/** What a rule comes to: exactly one of these. */
export const RESULTS = ["destination", "split"];

/** Of one split. */
export const MAX_DESTINATIONS = 64;
export const MAX_WEIGHT = 1_000_000;
export const MAX_PINS = 64;

/** Keys of one pin, and most bytes of one of them. */
export const MAX_PINNED_KEYS = 1000;
export const MAX_PINNED_KEY_SIZE = 4096;
