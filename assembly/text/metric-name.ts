// Labels of a metric. The host's calls have no parameter for them, so they are part of its name.
// The bootstrap's `stats_tags` (`envoy/config/stats-tags.ts`) turn them into tags.

import { Bytes } from "./bytes";

const DIGITS = "0123456789ABCDEF";
const PERCENT: u8 = 0x25;
const COLON: u8 = 0x3a;
const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;
const DELETE: u8 = 0x7f;

/**
 * A metric's name with labels: `name;label=value;label=value`. Characters that would end a label or
 * a value, and those that Envoy would change (`;`, `=`, `:`, `%`, control characters), are written
 * as `%` and two hexadecimal digits, so that no value can pass for a label.
 * @param name letters, digits, `_` and `.`; Envoy shows it as `wasmcustom.name`
 * @param labels `[label, value, label, value, …]`; a label without a value is left out. A label
 * must consist of letters, digits and `_`, or no tag finds it
 */
export function metricName(name: string, labels: StaticArray<string>): string {
  let whole = escaped(name);
  for (let i = 0; i + 1 < labels.length; i += 2) {
    whole += ";" + escaped(labels[i]) + "=" + escaped(labels[i + 1]);
  }
  return whole;
}

function escaped(text: string): string {
  const bytes = Bytes.of(text);
  let result = "";
  let plainFrom = 0;
  for (let i = 0; i < bytes.size; i++) {
    const byte = bytes.at(i);
    if (!isSpecial(byte)) continue;
    result += String.UTF8.decodeUnsafe(bytes.ptr + plainFrom, i - plainFrom);
    result += "%" + DIGITS.charAt(byte >> 4) + DIGITS.charAt(byte & 15);
    plainFrom = i + 1;
  }
  return result + String.UTF8.decodeUnsafe(bytes.ptr + plainFrom, bytes.size - plainFrom);
}

function isSpecial(byte: u8): bool {
  return (
    byte < 0x20 || byte == DELETE || byte == PERCENT || byte == COLON || byte == SEMICOLON || byte == EQUALS
  );
}
