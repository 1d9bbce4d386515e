// Limits and names that `config.ts` and `schema.ts` share. Both languages compile this file: it
// imports nothing and has plain constants alone.

/** The request header that is looked at where the configuration names no other. */
export const DEFAULT_HEADER = "x-api-key";
export const MAX_HEADER_SIZE = 128;

/** How many values there may be, and how many bytes each may have. */
export const MAX_VALUES = 100;
export const MAX_VALUE_SIZE = 256;
