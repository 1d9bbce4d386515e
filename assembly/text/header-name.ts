// Names of headers that a filter reads or writes.

import { Bytes } from "./bytes";
import { CONNECTION_HEADERS, FORMAT_HEADERS, HEADER_NAME_MARKS, MESSAGE_HEADERS } from "./limits";
import { isListed } from "./word-list";

const CONNECTION = Bytes.of(CONNECTION_HEADERS);
const MESSAGE = Bytes.of(MESSAGE_HEADERS);
const FORMAT = Bytes.of(FORMAT_HEADERS);
const TOKEN_MARKS = Bytes.of(HEADER_NAME_MARKS);

/**
 * Whether it is a token of RFC 9110 without capitals: in proxy-wasm header names are in lower case.
 */
export function isHeaderName(name: Bytes): bool {
  if (name.size == 0) return false;
  for (let i = 0; i < name.size; i++) {
    const byte = name.at(i);
    const isLower = byte >= 0x61 && byte <= 0x7a;
    const isDigit = byte >= 0x30 && byte <= 0x39;
    if (!isLower && !isDigit && TOKEN_MARKS.indexOf(byte) < 0) return false;
  }
  return true;
}

/** Whether the header has a meaning of its own, so that a filter must not be told to write it. */
export function isReservedHeader(name: Bytes): bool {
  return isMessageHeader(name) || isListed(FORMAT, name);
}

/**
 * Whether a filter's own answer must not have the header, because it holds the connection or the
 * message together, or describes the body.
 */
export function isMessageHeader(name: Bytes): bool {
  return isListed(CONNECTION, name) || isListed(MESSAGE, name);
}
