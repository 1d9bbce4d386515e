// A moment in the format of RFC 3339, `2026-11-21T18:00:00.5+01:00`. The TypeScript twin is
// `z.iso.datetime({ offset: true })`: capitals `T` and `Z`, seconds, no leap second.

import { Bytes, isDigit } from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { MAX_INSTANT_SIZE } from "./limits";

/** What `instantOf` returns for anything that is not a moment. */
export const NO_INSTANT: i64 = i64.MIN_VALUE;

const DASH: u8 = 0x2d;
const COLON: u8 = 0x3a;
const DOT: u8 = 0x2e;
const PLUS: u8 = 0x2b;
const CAPITAL_T: u8 = 0x54;
const CAPITAL_Z: u8 = 0x5a;

/** `2026-11-21T18:00:00` */
const SECONDS_END: i32 = 19;
/** `+01:00` */
const OFFSET_SIZE: i32 = 6;
const MS_PER_MINUTE: i64 = 60_000;
const MS_PER_DAY: i64 = 86_400_000;
const DAYS_PER_ERA: i64 = 146_097;
/** Days from 1 March of the year 0 to 1 January 1970. */
const EPOCH_DAY: i64 = 719_468;

/** The moment at this place, in milliseconds since 1970, UTC; an absent value means `fallback`. */
export function parseInstantOr(node: ConfigNode, fallback: i64): i64 {
  if (!node.present) return fallback;
  const instant = instantOf(node.text(1, MAX_INSTANT_SIZE));
  if (instant == NO_INSTANT) node.fail("must be a time such as 2026-11-21T18:00:00Z");
  return instant;
}

/**
 * Milliseconds since 1970, UTC; smaller fractions are cut off. `NO_INSTANT` for anything that is
 * not a moment.
 */
export function instantOf(text: Bytes): i64 {
  if (text.size <= SECONDS_END) return NO_INSTANT;
  const day = dayOf(text);
  const time = timeOf(text);
  if (day == NO_INSTANT || time == NO_INSTANT) return NO_INSTANT;
  let at = SECONDS_END;
  let fraction: i64 = 0;
  if (text.at(at) == DOT) {
    const start = ++at;
    for (let worth: i64 = 100; at < text.size && isDigit(text.at(at)); worth /= 10) {
      fraction += worth * (text.at(at++) - 0x30);
    }
    if (at == start) return NO_INSTANT;
  }
  const offset = offsetOf(text, at);
  return offset == NO_INSTANT ? NO_INSTANT : day * MS_PER_DAY + time + fraction - offset;
}

/** Days from 1970 to the date that the text begins with. */
function dayOf(text: Bytes): i64 {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  if (year < 0 || month < 1 || month > 12 || text.at(4) != DASH || text.at(7) != DASH) return NO_INSTANT;
  if (day < 1 || day > daysOf(year, month)) return NO_INSTANT;
  // Years that begin in March have their leap day at the end. An era is 400 of them; all eras have
  // the same length.
  const marchYear: i64 = month > 2 ? year : year - 1;
  const marchMonth = (month + 9) % 12;
  const era = (marchYear + 400) / 400 - 1;
  const ofEra = marchYear - era * 400;
  const dayOfYear = (153 * marchMonth + 2) / 5 + day - 1;
  return era * DAYS_PER_ERA + ofEra * 365 + ofEra / 4 - ofEra / 100 + dayOfYear - EPOCH_DAY;
}

function daysOf(year: i32, month: i32): i32 {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/** Milliseconds since midnight. */
function timeOf(text: Bytes): i64 {
  if (text.at(10) != CAPITAL_T || text.at(16) != COLON) return NO_INSTANT;
  const minutes = minutesAt(text, 11);
  const second = digits(text, 17, 2);
  if (minutes < 0 || second < 0 || second > 59) return NO_INSTANT;
  return <i64>minutes * MS_PER_MINUTE + <i64>second * 1000;
}

/** How far the local clock is ahead of UTC, in milliseconds; the text ends with the offset. */
function offsetOf(text: Bytes, at: i32): i64 {
  const size = text.size - at;
  if (size == 1 && text.at(at) == CAPITAL_Z) return 0;
  if (size != OFFSET_SIZE) return NO_INSTANT;
  const sign = text.at(at);
  const minutes = minutesAt(text, at + 1);
  if (minutes < 0 || (sign != PLUS && sign != DASH)) return NO_INSTANT;
  return (sign == DASH ? -1 : 1) * <i64>minutes * MS_PER_MINUTE;
}

/** Minutes of `hh:mm` at `at`, which must be within the text; -1 for anything else. */
function minutesAt(text: Bytes, at: i32): i32 {
  const hour = digits(text, at, 2);
  const minute = digits(text, at + 3, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || text.at(at + 2) != COLON) return -1;
  return hour * 60 + minute;
}

/** The number of `count` digits at `at`, which must be within the text; -1 for anything else. */
function digits(text: Bytes, at: i32, count: i32): i32 {
  let value: i32 = 0;
  for (let i = at; i < at + count; i++) {
    const byte = text.at(i);
    if (!isDigit(byte)) return -1;
    value = value * 10 + (byte - 0x30);
  }
  return value;
}
