// The bytes of a claim as a key. No two claims of different types or values have the same: a text
// stands for itself; everything else stands as its JSON text behind a byte that no text has.

import { allocate, view } from "../abi/memory";
import { Bytes } from "../text/bytes";
import { MAX_DECIMAL_SIZE, writeDecimal } from "../text/number";
import { Claim, ClaimKind, ListWalk } from "./claim";

/** Never a byte of UTF-8. */
const NOT_TEXT: u8 = 0xff;

const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;
const SPACE: u8 = 0x20;
const MINUS: u8 = 0x2d;
const COMMA: u8 = 0x2c;
const LEFT_BRACKET: u8 = 0x5b;
const RIGHT_BRACKET: u8 = 0x5d;
const TRUE = Bytes.of("true");
const FALSE = Bytes.of("false");
const ESCAPE = Bytes.of("\\u00");
/** A byte of a text becomes at most this many, as does one of the encoding of any other entry. */
const MOST_PER_BYTE: i32 = 6;
/** Every whole number up to this one fits a double. */
const MAX_WHOLE: f64 = 9007199254740991;

const list: ListWalk = new ListWalk();

/**
 * A text, a whole number, true or false, or a list of these that is not empty; `null` for anything
 * else, which identifies nobody. Valid until the callback ends.
 */
export function claimKey(claim: Claim): Bytes | null {
  if (claim.kind == ClaimKind.Text) return view(claim.bytes.ptr, claim.bytes.size);
  const isList = claim.kind == ClaimKind.List;
  const start = allocate(isList ? claim.bytes.size * MOST_PER_BYTE + 3 : MAX_DECIMAL_SIZE + 2);
  store<u8>(start, NOT_TEXT);
  const end = isList ? writeList(start + 1, claim) : writeScalar(start + 1, claim);
  return end == 0 ? null : view(start, <i32>(end - start));
}

/** A key as a person or a service reads it: a text, or the JSON text of anything else. */
export function shownKey(key: Bytes): Bytes {
  return key.size > 0 && key.at(0) == NOT_TEXT ? view(key.ptr + 1, key.size - 1) : key;
}

/** Writes `["a",1,true]`; returns its end, or 0 if the list is empty or has another entry. */
function writeList(ptr: usize, claim: Claim): usize {
  let at = ptr;
  list.begin(claim);
  while (list.next()) {
    store<u8>(at, at == ptr ? LEFT_BRACKET : COMMA);
    const entry = list.entry;
    at = entry.kind == ClaimKind.Text ? writeText(at + 1, entry.bytes) : writeScalar(at + 1, entry);
    if (at == 0) return 0;
  }
  if (at == ptr) return 0;
  store<u8>(at, RIGHT_BRACKET);
  return at + 1;
}

/** Writes a number, true or false; returns its end, or 0 for anything else. */
function writeScalar(ptr: usize, claim: Claim): usize {
  if (claim.kind == ClaimKind.Boolean) {
    const word = claim.number != 0 ? TRUE : FALSE;
    memory.copy(ptr, word.ptr, word.size);
    return ptr + word.size;
  }
  const number = claim.number;
  if (claim.kind != ClaimKind.Number || trunc(number) != number || abs(number) > MAX_WHOLE) return 0;
  let at = ptr;
  if (number < 0) store<u8>(at++, MINUS);
  return at + writeDecimal(at, <u64>abs(number));
}

function writeText(ptr: usize, text: Bytes): usize {
  let at = ptr;
  store<u8>(at++, QUOTE);
  for (let i = 0; i < text.size; i++) {
    const byte = text.at(i);
    if (byte < SPACE) {
      memory.copy(at, ESCAPE.ptr, ESCAPE.size);
      store<u8>(at + 4, hexDigit(byte >> 4));
      store<u8>(at + 5, hexDigit(byte & 15));
      at += 6;
      continue;
    }
    if (byte == QUOTE || byte == BACKSLASH) store<u8>(at++, BACKSLASH);
    store<u8>(at++, byte);
  }
  store<u8>(at++, QUOTE);
  return at;
}

function hexDigit(value: u8): u8 {
  return value < 10 ? 0x30 + value : 0x57 + value;
}
