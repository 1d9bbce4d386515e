// Compiles the parts of a filter's answer. The TypeScript twins are in
// `filters/shared/reply-schema.ts`.

import { Bytes } from "./bytes";
import { ConfigNode } from "./config";
import { isHeaderName, isMessageHeader } from "./header-name";
import { isHeaderValue } from "./header-value";
import {
  MAX_BODY_SIZE,
  MAX_CONTENT_TYPE_SIZE,
  MAX_HEADER_NAME_SIZE,
  MAX_HEADER_VALUE_SIZE,
  MAX_REPLY_HEADERS,
} from "./limits";

const NOTHING = Bytes.owned(0);
const HEADER_KEYS: StaticArray<string> = ["name", "value"];

/** A body; an absent one is empty. */
export function parseBody(node: ConfigNode): Bytes {
  return node.textOr(NOTHING, 0, MAX_BODY_SIZE);
}

/** The content type of a body; `null` for an absent one, for which Envoy writes `text/plain`. */
export function parseContentType(node: ConfigNode): Bytes | null {
  if (!node.present) return null;
  const type = node.text(1, MAX_CONTENT_TYPE_SIZE);
  for (let i = 0; i < type.size; i++) {
    if (type.at(i) >= 0x20 && type.at(i) <= 0x7e) continue;
    node.fail("must be printable ASCII");
    break;
  }
  return type;
}

/** The headers of an answer, names and values alternating; none for an absent list. */
export function parseReplyHeaders(node: ConfigNode): Array<Bytes> {
  const headers: Bytes[] = [];
  if (!node.present) return headers;
  const count = node.array(0, MAX_REPLY_HEADERS);
  for (let i = 0; i < count; i++) {
    const item = node.at(i);
    item.keys(HEADER_KEYS);
    headers.push(parseReplyHeader(item.get("name")));
    headers.push(parseHeaderValue(item.get("value")));
  }
  return headers;
}

/**
 * The name of a header of the answer. It must not be one that holds the connection or the message
 * together.
 */
export function parseReplyHeader(node: ConfigNode): Bytes {
  const name = node.text(1, MAX_HEADER_NAME_SIZE);
  if (!isHeaderName(name)) node.fail("must be a header name in lower case");
  else if (isMessageHeader(name)) node.fail("must not be a header that holds the message together");
  return name;
}

/** A header's value, which may be empty. */
export function parseHeaderValue(node: ConfigNode): Bytes {
  const value = node.text(0, MAX_HEADER_VALUE_SIZE);
  if (!isHeaderValue(value)) node.fail("must have no control characters but tabs");
  return value;
}
