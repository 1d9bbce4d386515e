// Limits, defaults and words that `config.ts` and `schema.ts` share. Both languages compile this
// file, so it imports nothing and has only plain constants.

/** Formats. The last one is only written. */
export const W3C = "w3c";
export const B3 = "b3";
export const B3_MULTI = "b3-multi";
export const XRAY = "xray";
export const GOOGLE_CLOUD = "google-cloud";
export const DATADOG = "datadog";
export const SKYWALKING = "skywalking";
export const X_TRACE_ID = "x-trace-id";

/** Most bytes of a `tracestate` that is forwarded. */
export const MAX_TRACESTATE_SIZE = 8192;
export const DEFAULT_TRACESTATE_SIZE = 512;

/** Most bytes of names in `sw8`: SkyWalking cuts longer ones. */
export const MAX_SKYWALKING_NAME = 70;

/** What W3C Baggage asks everybody to forward. */
export const MAX_BAGGAGE_MEMBERS = 64;
export const MAX_BAGGAGE_SIZE = 8192;
/** Keys in a list, and bytes of such a key. */
export const MAX_BAGGAGE_KEYS = 64;
export const MAX_BAGGAGE_KEY = 256;
/** What such a key may have beside letters and digits: the marks of a token of RFC 9110. */
export const BAGGAGE_KEY_MARKS = "!#$%&'*+.^_`|~-";
