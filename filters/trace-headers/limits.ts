// Limits, defaults and words that `config.ts` and `schema.ts` share. Both languages compile this
// file, so it imports nothing and has only plain constants.

/** Formats. The last one is only written. */
export const W3C = "w3c";
export const B3 = "b3";
export const B3_MULTI = "b3-multi";
export const X_TRACE_ID = "x-trace-id";

/** Most bytes of a `tracestate` that is forwarded. */
export const MAX_TRACESTATE_SIZE = 8192;
export const DEFAULT_TRACESTATE_SIZE = 512;
