// The headers that a rate limit service adds. The service is trusted to name them, but not to break
// a message: anything that cannot be a header is left out.

import { Bytes, HeaderMap, lowered, ProtobufReader, scratch, viewOf } from "../../../assembly";
import { isHeaderName, isHeaderValue } from "../../../assembly/config";
import { BytesTable } from "../../../assembly/rules";

/** Headers that hold a connection or a message together. */
const NOT_ADDED = new BytesTable([
  Bytes.of("connection"),
  Bytes.of("content-length"),
  Bytes.of("host"),
  Bytes.of("keep-alive"),
  Bytes.of("proxy-connection"),
  Bytes.of("te"),
  Bytes.of("trailer"),
  Bytes.of("transfer-encoding"),
  Bytes.of("upgrade"),
]);
/** One reader for each depth. */
const answerReader = new ProtobufReader(new Bytes(0, 0));
const headerReader = new ProtobufReader(new Bytes(0, 0));
const CONTENT_TYPE = Bytes.of("content-type");

/**
 * Adds every header in `field` of the answer.
 * @param withType a `content-type` among them replaces the existing one; otherwise it is left out
 */
export function addHeaders(answer: Bytes, field: u32, to: HeaderMap, withType: bool): void {
  const reader = answerReader;
  reader.begin(answer);
  while (reader.next()) {
    if (reader.field == field) addHeader(reader.bytes, to, withType);
  }
}

/** One `envoy.config.core.v3.HeaderValue`, whose value is text or bytes. */
function addHeader(message: Bytes, to: HeaderMap, withType: bool): void {
  const reader = headerReader;
  reader.begin(message);
  let name = scratch(0);
  let value = scratch(0);
  while (reader.next()) {
    if (reader.field == 1) name = lowered(reader.bytes);
    else if (reader.field == 2 || (reader.field == 3 && reader.bytes.size > 0)) {
      value = viewOf(reader.bytes, 0, reader.bytes.size);
    }
  }
  if (reader.failed || !isHeaderName(name) || NOT_ADDED.find(name) >= 0 || !isHeaderValue(value)) return;
  if (!name.equals(CONTENT_TYPE)) to.add(name, value);
  else if (withType) to.replace(name, value);
}
