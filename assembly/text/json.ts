// A strict JSON parser (RFC 8259). Every JSON parser reads the documents that it accepts in the
// same way. It is stricter than the RFC where the RFC lets parsers differ: it refuses duplicate
// keys, unpaired surrogates, invalid UTF-8, a byte order mark and numbers beyond a double. Its time
// is linear in the size of the document, except for the sort that finds duplicate keys (n log n).
// The depth is bounded, so no document can exhaust the stack.

import { Bytes } from "./bytes";
import { JsonScanner, QUOTE } from "./json-scanner";
import { JsonKind, JsonValue } from "./json-value";
import { MAX_DOCUMENT_SIZE } from "./limits";
import { describeNotJson } from "./not-json";
import { isDigit } from "./number";
import { isContinuation } from "./utf8";

/** Arrays and objects within one another. */
export const MAX_DEPTH: i32 = 64;

const LINE_FEED: u8 = 0x0a;
const MINUS: u8 = 0x2d;
const COMMA: u8 = 0x2c;
const COLON: u8 = 0x3a;
const LEFT_BRACE: u8 = 0x7b;
const RIGHT_BRACE: u8 = 0x7d;
const LEFT_BRACKET: u8 = 0x5b;
const RIGHT_BRACKET: u8 = 0x5d;
const TRUE = Bytes.of("true");
const FALSE = Bytes.of("false");
const NULL = Bytes.of("null");
const BYTE_ORDER_MARK = Bytes.of("\uFEFF");

/** The result of parsing: a value, or a reason and a place. */
@final
export class JsonDocument {
  /** The whole document as a tree; null if it was refused. */
  value: JsonValue | null = null;
  /** Why it was refused; empty if it was not. */
  reason: string = "";
  /** Where the fault is, from 1; columns count characters. 0 if there is none. */
  line: i32 = 0;
  column: i32 = 0;
  /** The same as a sentence, which also names what people write in place of JSON. */
  fault: string = "";
}

/**
 * Parses `source`, which may be any bytes. Keeps nothing of its memory. Traps only when memory runs
 * out.
 */
export function parseJson(source: Bytes): JsonDocument {
  if (source.size > MAX_DOCUMENT_SIZE) {
    return refused(source, 0, `the document is larger than ${MAX_DOCUMENT_SIZE} bytes`);
  }
  const parser = new JsonParser(source);
  const value = parser.parse();
  if (parser.failed) return refused(source, parser.faultOffset, parser.reason);
  const document = new JsonDocument();
  document.value = value;
  return document;
}

function refused(source: Bytes, offset: i32, reason: string): JsonDocument {
  const document = new JsonDocument();
  document.reason = reason;
  document.line = 1;
  document.column = 1;
  for (let i = 0; i < offset; i++) {
    if (source.at(i) == LINE_FEED) {
      document.line++;
      document.column = 1;
    } else if (!isContinuation(source.at(i))) {
      document.column++;
    }
  }
  const place = `line ${document.line}, column ${document.column}`;
  document.fault = describeNotJson(source, `${place}: ${reason}`);
  return document;
}

class JsonParser extends JsonScanner {
  parse(): JsonValue {
    if (this.source.startsWith(BYTE_ORDER_MARK)) this.fail(0, "a byte order mark is not allowed");
    this.skipSpace();
    const value = this.readValue(0);
    this.skipSpace();
    if (!this.atEnd()) this.failExpected("the end of the document");
    return value;
  }

  /** Reads the next value. After a fault the result means nothing. */
  private readValue(depth: i32): JsonValue {
    const next = this.peek();
    if (next == LEFT_BRACE) return this.readObject(depth);
    if (next == LEFT_BRACKET) return this.readArray(depth);
    if (next == QUOTE) {
      const value = new JsonValue(JsonKind.Text);
      value.text = this.readString();
      return value;
    }
    if (next == MINUS || isDigit(next)) {
      const value = new JsonValue(JsonKind.Number);
      value.number = this.readNumber();
      return value;
    }
    return this.readWord();
  }

  private readWord(): JsonValue {
    const isTrue = this.takeWord(TRUE);
    if (isTrue || this.takeWord(FALSE)) {
      const value = new JsonValue(JsonKind.Bool);
      value.bool = isTrue;
      return value;
    }
    if (!this.takeWord(NULL)) this.failExpected("a value");
    return new JsonValue(JsonKind.Null);
  }

  private takeWord(word: Bytes): bool {
    if (word.size > this.source.size - this.index) return false;
    if (memory.compare(this.source.ptr + this.index, word.ptr, word.size) != 0) return false;
    this.index += word.size;
    return true;
  }

  private readArray(depth: i32): JsonValue {
    const array = this.open(JsonKind.Array, depth);
    this.skipSpace();
    if (this.failed || this.take(RIGHT_BRACKET)) return array;
    do {
      this.skipSpace();
      array.items.push(this.readValue(depth + 1));
      this.skipSpace();
    } while (!this.failed && this.take(COMMA));
    if (!this.take(RIGHT_BRACKET)) this.failExpected('"," or "]"');
    return array;
  }

  private readObject(depth: i32): JsonValue {
    const object = this.open(JsonKind.Object, depth);
    this.skipSpace();
    if (this.failed || this.take(RIGHT_BRACE)) return object;
    do {
      this.skipSpace();
      object.items.push(this.readMember(depth));
      this.skipSpace();
    } while (!this.failed && this.take(COMMA));
    if (!this.take(RIGHT_BRACE)) this.failExpected('"," or "}"');
    if (!this.failed) this.refuseDuplicates(object);
    return object;
  }

  private readMember(depth: i32): JsonValue {
    const start = this.index;
    if (this.peek() != QUOTE) {
      this.failExpected("a key in double quotes");
      return new JsonValue(JsonKind.Null);
    }
    const key = this.readString();
    this.skipSpace();
    if (!this.take(COLON)) this.failExpected('":"');
    this.skipSpace();
    const valueStart = this.index;
    const value = this.readValue(depth + 1);
    value.key = key;
    value.keyOffset = start;
    value.start = valueStart;
    value.end = this.index;
    return value;
  }

  /** Skips the next bracket or brace. */
  private open(kind: JsonKind, depth: i32): JsonValue {
    if (depth >= MAX_DEPTH) this.fail(this.index, `nested deeper than ${MAX_DEPTH} levels`);
    const value = new JsonValue(kind);
    this.index++;
    value.items = [];
    return value;
  }

  // In sorted order equal keys are neighbours. To compare each key with every other would take
  // minutes on a document made for it.
  private refuseDuplicates(object: JsonValue): void {
    const sorted = object.items.slice().sort(compareKeys);
    for (let i = 1; i < sorted.length; i++) {
      if (sorted[i].key.equals(sorted[i - 1].key))
        this.fail(sorted[i].keyOffset, "the object has this key already");
    }
  }
}

/** Compares by the bytes of the keys; equal keys are in the order of the document. */
function compareKeys(a: JsonValue, b: JsonValue): i32 {
  const order = memory.compare(a.key.ptr, b.key.ptr, min(a.key.size, b.key.size));
  if (order != 0) return order;
  return a.key.size != b.key.size ? a.key.size - b.key.size : a.keyOffset - b.keyOffset;
}
