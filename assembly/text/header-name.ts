// Names of headers that a filter reads or writes.

import { Bytes } from "./bytes";
import { BytesTable } from "./bytes-table";

/**
 * Headers that hold a connection, a message or a format of its own together: writing something else
 * into them would break it.
 */
const RESERVED = new BytesTable([
  Bytes.of("b3"),
  Bytes.of("connection"),
  Bytes.of("content-encoding"),
  Bytes.of("content-length"),
  Bytes.of("content-type"),
  Bytes.of("grpc-message"),
  Bytes.of("grpc-status"),
  Bytes.of("host"),
  Bytes.of("keep-alive"),
  Bytes.of("location"),
  Bytes.of("proxy-connection"),
  Bytes.of("set-cookie"),
  Bytes.of("te"),
  Bytes.of("traceparent"),
  Bytes.of("tracestate"),
  Bytes.of("trailer"),
  Bytes.of("transfer-encoding"),
  Bytes.of("upgrade"),
  Bytes.of("x-request-id"),
]);

/** Those of them that a filter may write into an answer of its own, which has no other. */
const FOR_REPLIES = new BytesTable([
  Bytes.of("b3"),
  Bytes.of("location"),
  Bytes.of("set-cookie"),
  Bytes.of("traceparent"),
  Bytes.of("tracestate"),
  Bytes.of("x-request-id"),
]);

const TOKEN_MARKS = Bytes.of("!#$%&'*+.^_`|~-");

/**
 * Whether it is a token of RFC 9110 without capitals: proxy-wasm has header names in lower case.
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

/** Whether the header has a meaning of its own, so that no filter may be told to write it. */
export function isReservedHeader(name: Bytes): bool {
  return RESERVED.find(name) >= 0;
}

/**
 * Whether a filter's own answer must not have the header: it holds the connection or the message
 * together, or says what the body is.
 */
export function isMessageHeader(name: Bytes): bool {
  return isReservedHeader(name) && FOR_REPLIES.find(name) < 0;
}
