// How a configuration error names a place and a value, for a person who reads Envoy's log or the
// command line.

import { Bytes } from "./bytes";

/** Bytes of one key that a path shows. A key may be a megabyte long; an error must not. */
const MAX_KEY_SIZE: i32 = 64;

/**
 * The path of the value that `path` holds under `key`: `.key`, or `["…"]` if the key has other
 * characters than letters, digits, `_` and `-`.
 */
export function keyPath(path: string, key: Bytes): string {
  if (isPlain(key)) return path.length > 0 ? `${path}.${shown(key)}` : shown(key);
  return `${path}["${escaped(shown(key))}"]`;
}

/** The path of an item of an array. */
export function indexPath(path: string, index: i32): string {
  return `${path}[${index}]`;
}

function isPlain(key: Bytes): bool {
  for (let i = 0; i < key.size; i++) {
    const byte = key.at(i);
    const lower = byte | 0x20;
    const isLetter = lower >= 0x61 && lower <= 0x7a;
    const isDigit = byte >= 0x30 && byte <= 0x39;
    if (!isLetter && !isDigit && byte != 0x5f && byte != 0x2d) return false;
  }
  return key.size > 0;
}

function shown(key: Bytes): string {
  if (key.size <= MAX_KEY_SIZE) return key.toString();
  // The decoder leaves out a character that was cut.
  return new Bytes(key.ptr, MAX_KEY_SIZE).toString() + "…";
}

/** Escapes line ends and other control characters, which could forge a line of the log. */
function escaped(text: string): string {
  let result = "";
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit == 0x22 || unit == 0x5c) {
      result += "\\" + text.charAt(i);
    } else if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) {
      result += "\\u" + unit.toString(16).padStart(4, "0");
    } else {
      result += text.charAt(i);
    }
  }
  return result;
}

/** A number as people write it; AssemblyScript writes 1 as `1.0`. */
export function shownNumber(value: f64): string {
  return trunc(value) == value && abs(value) < 1e15 ? (<i64>value).toString() : value.toString();
}

/** `1 item`, `2 items`. */
export function counted(count: i32, noun: string): string {
  return count == 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
