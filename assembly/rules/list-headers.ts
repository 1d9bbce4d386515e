// Which headers have their value in all of their lines. Envoy itself joins the lines of some,
// `accept` and `x-forwarded-for` among them; these are the others. A header that is no list has one
// line (RFC 9110, section 5.3), so of several the first counts, as in a get from the host.

import { Bytes } from "../text/bytes";
import { isListed } from "../text/header-name";

/**
 * Lists and dictionaries, whose lines are one value: RFC 9110 and 9111, 6455 (sec-websocket-), 7239
 * (forwarded), 7240 (prefer), 8288 (link), 8586 (cdn-loop), 9218 (priority), 9421 (signature), 9440
 * (client-cert-chain), 9530 (digests), Fetch, Client Hints, W3C Baggage, W3C Trace Context.
 */
const LISTS = Bytes.of(
  "accept-charset accept-language access-control-request-headers baggage cdn-loop client-cert-chain " +
    "content-digest content-language expect forwarded if-none-match link pragma prefer priority " +
    "repr-digest sec-ch-ua sec-ch-ua-full-version-list sec-websocket-extensions " +
    "sec-websocket-protocol signature signature-input trailer tracestate want-content-digest " +
    "want-repr-digest warning",
);
/**
 * Ids of a trace. A second line makes them invalid (W3C Trace Context, section 3.2), which shows
 * only when all lines are read.
 */
const TRACE_IDS = Bytes.of("traceparent b3 x-b3-traceid");
const COOKIE = Bytes.of("cookie");

const COMMA = Bytes.of(",");
/** RFC 6265, section 5.4; RFC 9113, section 8.2.3. */
const SEMICOLON = Bytes.of("; ");

/** What stands between the lines of a header that has its value in all of them; else `null`. */
export function separatorOf(name: Bytes): Bytes | null {
  if (name.equals(COOKIE)) return SEMICOLON;
  return isListed(LISTS, name) || isListed(TRACE_IDS, name) ? COMMA : null;
}
