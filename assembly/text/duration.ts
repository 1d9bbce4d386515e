// Lengths of time as a person writes them: `250ms`, `1.5s`, `10m`, `24h`. The TypeScript twin is
// `duration` of `filters/shared/rule-schema.ts`.

import { Bytes } from "./bytes";
import { ConfigNode } from "./config";
import { HOUR, MAX_DURATION_DIGITS, MAX_DURATION_FRACTION, MILLISECOND, MINUTE, SECOND } from "./limits";
import { isDigit } from "./number";

/** What `millisecondsOf` returns for anything that is not a length of time. */
export const NO_DURATION: u64 = u64.MAX_VALUE;

const DOT: u8 = 0x2e;

/**
 * The required length of time here, in milliseconds, `minMs` to `maxMs`. After a fault: `minMs`.
 */
export function parseDuration(node: ConfigNode, minMs: u64, maxMs: u64): u64 {
  const text = node.text(1, 32);
  const ms = millisecondsOf(text);
  if (ms == NO_DURATION) {
    node.fail("must be a length of time in whole milliseconds, such as 250ms, 1.5s, 10m or 24h");
    return minMs;
  }
  if (ms >= minMs && ms <= maxMs) return ms;
  node.fail(`must be from ${shownDuration(minMs)} to ${shownDuration(maxMs)}`);
  return minMs;
}

/** As `parseDuration`; an absent value means `fallback`. */
export function parseDurationOr(node: ConfigNode, minMs: u64, maxMs: u64, fallback: u64): u64 {
  return node.present ? parseDuration(node, minMs, maxMs) : fallback;
}

/**
 * Milliseconds of a text with 1 to 9 digits, optionally a dot and 1 to 3 more, and a unit, `ms`,
 * `s`, `m` or `h`. `NO_DURATION` for anything else, also for fractions of a millisecond.
 */
export function millisecondsOf(text: Bytes): u64 {
  let at = 0;
  let thousandths: u64 = 0;
  while (at < text.size && isDigit(text.at(at))) thousandths = thousandths * 10 + (text.at(at++) - 0x30);
  if (at == 0 || at > MAX_DURATION_DIGITS) return NO_DURATION;
  thousandths *= 1000;
  if (at < text.size && text.at(at) == DOT) {
    const start = ++at;
    for (let worth: u64 = 100; at < text.size && isDigit(text.at(at)); worth /= 10) {
      thousandths += worth * (text.at(at++) - 0x30);
    }
    if (at == start || at > start + MAX_DURATION_FRACTION) return NO_DURATION;
  }
  const unit = unitAt(text, at);
  if (unit == 0) return NO_DURATION;
  const product = thousandths * unit;
  return product % 1000 == 0 ? product / 1000 : NO_DURATION;
}

/** Milliseconds of the unit that the text has from `at` to its end; 0 for any other text. */
function unitAt(text: Bytes, at: i32): u64 {
  const size = text.size - at;
  if (size == 2 && text.at(at) == 0x6d && text.at(at + 1) == 0x73) return MILLISECOND;
  if (size != 1) return 0;
  switch (text.at(at)) {
    case 0x73:
      return SECOND;
    case 0x6d:
      return MINUTE;
    case 0x68:
      return HOUR;
    default:
      return 0;
  }
}

/** The length in the largest unit that divides it. */
function shownDuration(ms: u64): string {
  if (ms == 0 || ms % SECOND != 0) return `${ms}ms`;
  if (ms % MINUTE != 0) return `${ms / SECOND}s`;
  return ms % HOUR != 0 ? `${ms / MINUTE}m` : `${ms / HOUR}h`;
}
