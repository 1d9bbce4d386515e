// Limits, marks and reserved names for every configuration. The readers beside this file and their
// zod twins in `filters/shared` both compile it, so it imports nothing and has only plain
// constants.

/** Most bytes of a JSON document. */
export const MAX_DOCUMENT_SIZE = 1_048_576;

/** Most bytes of a name that becomes a metric's label. */
export const MAX_LABEL_SIZE = 64;
/** What such a name may contain beside letters and digits. */
export const LABEL_MARKS = "_.-";

/** Most bytes of a header's name. */
export const MAX_HEADER_NAME_SIZE = 128;
/** What it may contain beside small letters and digits: the marks of a token of RFC 9110. */
export const HEADER_NAME_MARKS = "!#$%&'*+.^_`|~-";
/** Most bytes of a header's value. */
export const MAX_HEADER_VALUE_SIZE = 4096;

/**
 * Headers that hold a connection or a message together: a filter must not be told to write one.
 * Each of these lists is one text with spaces between the names, which costs a module half as much
 * as a list of texts.
 */
export const CONNECTION_HEADERS = "connection host keep-alive proxy-connection te transfer-encoding upgrade";
export const MESSAGE_HEADERS =
  "content-encoding content-length content-type grpc-message grpc-status trailer";
/**
 * Headers with a format of their own. A filter may be told to write one only into its own answer,
 * which does not have one yet.
 */
export const FORMAT_HEADERS = "b3 location set-cookie traceparent tracestate x-request-id";

/** Most bytes of the body of a filter's answer. */
export const MAX_BODY_SIZE = 65_536;
/** Most bytes of the content type of such a body. */
export const MAX_CONTENT_TYPE_SIZE = 256;

/** Most headers of a filter's answer. */
export const MAX_REPLY_HEADERS = 32;

/** Most decimal digits of a whole number in a request, such as a header's value. */
export const MAX_INTEGER_DIGITS = 18;

/** Most digits of a length of time before the decimal point, and after it. */
export const MAX_DURATION_DIGITS = 9;
export const MAX_DURATION_FRACTION = 3;
/** Milliseconds of the units `ms`, `s`, `m` and `h`. */
export const MILLISECOND = 1;
export const SECOND = 1000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
