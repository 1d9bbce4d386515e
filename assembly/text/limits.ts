// Limits, marks and reserved names of what every configuration is made of. The readers beside this
// file and their zod twins in `filters/shared` both compile it: it imports nothing and has plain
// constants alone.

/** Most bytes of a JSON document. */
export const MAX_DOCUMENT_SIZE = 1_048_576;

/** Most bytes of a name that becomes a metric's label. */
export const MAX_LABEL_SIZE = 64;
/** What such a name may have beside letters and digits. */
export const LABEL_MARKS = "_.-";

/** Most bytes of a header's name. */
export const MAX_HEADER_NAME_SIZE = 128;
/** What it may have beside small letters and digits: the marks of a token of RFC 9110. */
export const HEADER_NAME_MARKS = "!#$%&'*+.^_`|~-";
/** Most bytes of a header's value. */
export const MAX_HEADER_VALUE_SIZE = 4096;

/**
 * Headers that hold a connection or a message together: no filter may be told to write one. Each of
 * these lists is one text with a space between two names, which costs a module half as much as a
 * list of texts.
 */
export const CONNECTION_HEADERS = "connection host keep-alive proxy-connection te transfer-encoding upgrade";
export const MESSAGE_HEADERS =
  "content-encoding content-length content-type grpc-message grpc-status trailer";
/**
 * Headers with a format of their own. A filter may be told to write one into an answer of its own
 * alone, which has no other.
 */
export const FORMAT_HEADERS = "b3 location set-cookie traceparent tracestate x-request-id";

/** Most bytes of a body that a filter answers with. */
export const MAX_BODY_SIZE = 65_536;
/** Most bytes of such a body's type. */
export const MAX_CONTENT_TYPE_SIZE = 256;

/** Most decimal digits of a whole number in a request, such as a header's value. */
export const MAX_INTEGER_DIGITS = 18;

/** Most digits of a length of time before its point, and behind it. */
export const MAX_DURATION_DIGITS = 9;
export const MAX_DURATION_FRACTION = 3;
/** Milliseconds of the units `ms`, `s`, `m` and `h`. */
export const MILLISECOND = 1;
export const SECOND = 1000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
