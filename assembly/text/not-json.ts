// Names what people give to a filter in place of JSON: a protobuf message that Envoy passes on as
// bytes, or YAML. The line and column of a syntax error alone would not help them.

import { Bytes } from "./bytes";

/** The keys of the fields 1 and 2 of a protobuf message whose values have a size. */
const FIRST: u8 = 0x0a;
const SECOND: u8 = 0x12;
const COLON: u8 = 0x3a;
const SPACE: u8 = 0x20;
const LINE_FEED: u8 = 0x0a;
const CARRIAGE_RETURN: u8 = 0x0d;
const HASH: u8 = 0x23;
const MINUS: u8 = 0x2d;
const PERCENT: u8 = 0x25;
const UNDERSCORE: u8 = 0x5f;

/**
 * The sentence about a document that is not JSON.
 * @param syntaxError where and why the parser stopped
 */
export function describeNotJson(document: Bytes, syntaxError: string): string {
  if (isStruct(document)) return `a google.protobuf.Struct ${IS_BYTES}`;
  if (isTyped(document)) return `a protobuf message ${IS_BYTES}`;
  return isYaml(document) ? `${syntaxError}${IS_YAML}` : syntaxError;
}

const IS_BYTES =
  'reaches a filter as bytes, not as JSON; write the configuration as {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "JSON TEXT"}';
const IS_YAML =
  "; this looks like YAML, and a filter reads JSON: `meshwright run --print-config` shows the settings as JSON text";

/** An entry of a map, which has a key and a value, comes first in a struct. */
function isStruct(document: Bytes): bool {
  const entry = afterSize(document, 0);
  if (entry < 0) return false;
  const key = afterSize(document, entry);
  return key >= 0 && endsBefore(document, entry, key);
}

/** `Any` and `TypedStruct` have the name of a type first, and then the value. */
function isTyped(document: Bytes): bool {
  const name = afterSize(document, 0);
  return name >= 0 && endsBefore(document, 0, name);
}

/** Whether the second field follows the value of `field`, which begins at `start`. */
function endsBefore(document: Bytes, field: i32, start: i32): bool {
  const end = start + sizeAt(document, field + 1);
  return end > start && end < document.size && byteAt(document, end) == SECOND;
}

/** Where the value of the first field begins; -1 where there is none. */
function afterSize(document: Bytes, field: i32): i32 {
  if (byteAt(document, field) != FIRST) return -1;
  let at = field + 1;
  while (at < document.size && byteAt(document, at) > 0x7f) at++;
  return at + 1 < document.size ? at + 1 : -1;
}

/** A number in groups of seven bits, the lowest first; -1 where it cannot be a size. */
function sizeAt(document: Bytes, offset: i32): i32 {
  let size = 0;
  for (let i = 0; i < 4; i++) {
    const group = byteAt(document, offset + i);
    size |= (<i32>group & 0x7f) << (7 * i);
    if (group <= 0x7f) return size;
  }
  return -1;
}

/** Whether the first line that has anything is one of a mapping, a list, or a mark of YAML. */
function isYaml(document: Bytes): bool {
  let start = 0;
  while (start < document.size && byteAt(document, start) <= SPACE) start++;
  const first = byteAt(document, start);
  const second = byteAt(document, start + 1);
  if (first == HASH || first == PERCENT) return true;
  if (first == MINUS) return second == SPACE || second == MINUS || second == LINE_FEED;
  if (!isWordByte(first)) return false;
  let at = start;
  while (isWordByte(byteAt(document, at)) || byteAt(document, at) == MINUS) at++;
  if (byteAt(document, at) != COLON) return false;
  const after = byteAt(document, at + 1);
  return at + 1 >= document.size || after == SPACE || after == LINE_FEED || after == CARRIAGE_RETURN;
}

function isWordByte(byte: u8): bool {
  return (
    ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte == UNDERSCORE
  );
}

/** 0 outside of the document. */
function byteAt(document: Bytes, index: i32): u8 {
  return index < document.size ? document.at(index) : 0;
}
