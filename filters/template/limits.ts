// Limits and names that `config.ts` and `schema.ts` share. Both languages compile this file, so it
// imports nothing and has only plain constants.

/** The request header that the filter reads, unless the configuration names another. */
export const DEFAULT_HEADER = "x-api-key";
export const MAX_HEADER_SIZE = 128;

/** The largest number of values, and of bytes in each. */
export const MAX_VALUES = 100;
export const MAX_VALUE_SIZE = 256;
