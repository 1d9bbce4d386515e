// The words of a plan: their meaning as numbers, as bytes and as header maps, and how bytes are
// shown in a line of the log.

import { Bytes } from "../../../assembly/text/bytes";
import { encodePairs, HeaderPairs } from "../../../assembly/text/header-pairs";

/** An address outside any module's memory. */
export const OUTSIDE: usize = 0x7fff0000;
const SHOWN_BYTES: i32 = 2000;
const PERCENT: u16 = 0x25;

function digit(code: u16): i32 {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  return 0;
}

/**
 * A word as bytes: `%HH` is a byte, `~` is nothing, `*N` is N times x, `!` is four bytes outside
 * memory, `!N` is N of them.
 */
export function bytesOf(word: string): Bytes {
  if (word == "~") return new Bytes(0, 0);
  if (word.startsWith("!")) {
    return new Bytes(OUTSIDE, word.length == 1 ? 4 : <i32>parseInt(word.substring(1), 10));
  }
  if (word.startsWith("*")) {
    const size = <i32>parseInt(word.substring(1), 10);
    const ptr = heap.alloc(size);
    memory.fill(ptr, 0x78, size);
    return new Bytes(ptr, size);
  }
  const ptr = heap.alloc(word.length + 1);
  let size = 0;
  for (let i = 0; i < word.length; i++) {
    let code = <u16>word.charCodeAt(i);
    if (code == PERCENT) {
      code = <u16>((digit(<u16>word.charCodeAt(i + 1)) << 4) | digit(<u16>word.charCodeAt(i + 2)));
      i += 2;
    }
    store<u8>(ptr + size++, <u8>code);
  }
  return new Bytes(ptr, size);
}

/**
 * `name=value,name=value` as the ABI encodes a header map. `raw:WORD` is the bytes themselves, and
 * so is a word that begins with `!`.
 */
export function pairsOf(word: string): Bytes {
  if (word.startsWith("raw:")) return bytesOf(word.substring(4));
  if (word == "~" || word.startsWith("!")) return bytesOf(word);
  const parts = word.split(",");
  const flat = new StaticArray<Bytes>(parts.length * 2);
  for (let i = 0; i < parts.length; i++) {
    const at = parts[i].indexOf("=");
    flat[i * 2] = bytesOf(parts[i].substring(0, at));
    flat[i * 2 + 1] = bytesOf(parts[i].substring(at + 1));
  }
  return encodePairs(flat);
}

/**
 * Bytes in a line of the log. Bytes that are not printable become `%HH`, and long ones get their
 * size too.
 */
export function shown(ptr: usize, size: i32): string {
  let text = "";
  for (let i = 0; i < min(size, SHOWN_BYTES); i++) {
    const byte = load<u8>(ptr + i);
    if (byte > 0x20 && byte < 0x7f && byte != <u8>PERCENT) text += String.fromCharCode(byte);
    else text += "%" + hex(byte >> 4) + hex(byte & 15);
  }
  return size > SHOWN_BYTES ? size.toString() + ":" + text : text;
}

function hex(value: u8): string {
  return String.fromCharCode(value < 10 ? 0x30 + value : 0x37 + value);
}

/**
 * A header map that the host encoded, as `name=value` pairs, and whether anything followed them.
 */
export function shownPairs(ptr: usize, size: i32): string {
  if (size == 0) return "";
  const pairs = HeaderPairs.over(new Bytes(ptr, size));
  let text = load<u32>(ptr).toString();
  let seen = 4;
  while (pairs.next()) {
    text += " " + shown(pairs.name.ptr, pairs.name.size) + "=" + shown(pairs.value.ptr, pairs.value.size);
    seen += 8 + pairs.name.size + 1 + pairs.value.size + 1;
  }
  return text + (seen == size ? "" : ` and ${size - seen} bytes`);
}
