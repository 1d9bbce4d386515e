// When an upstream wants to be asked again. The router cannot wait that long, so a request for a
// later retry counts as one for no retry.

import { Bytes, NOT_A_NUMBER, parseInteger } from "../../assembly";

const MONTHS = Bytes.of("JanFebMarAprMayJunJulAugSepOctNovDec");
/** `Sun, 06 Nov 1994 08:49:37 GMT` */
const DATE_SIZE: i32 = 29;
const MILLISECONDS_PER_DAY: i64 = 86_400_000;
/** Stands for anything that is not a date. */
export const NO_DATE: i64 = i64.MIN_VALUE;

/**
 * Whether `grpc-retry-pushback-ms` forbids a retry now, which it does unless it is 0. By gRPC's
 * rules a negative number forbids every retry, and so does anything that is not a number.
 */
export function grpcPushesBack(value: Bytes | null): bool {
  return value != null && parseInteger(value) != 0;
}

/**
 * Whether `retry-after` is a number of seconds above 0. Anything that is neither a number nor a
 * date is ignored.
 */
export function retryAfterSeconds(value: Bytes): bool {
  const seconds = parseInteger(value);
  return seconds != NOT_A_NUMBER ? seconds > 0 : isManyDigits(value);
}

/** Whether it is a number of more than 18 digits. */
function isManyDigits(value: Bytes): bool {
  for (let i = 0; i < value.size; i++) {
    if (value.at(i) < 0x30 || value.at(i) > 0x39) return false;
  }
  return value.size > 0;
}

/**
 * Milliseconds since 1970 of a date as HTTP writes it today (RFC 9110, IMF-fixdate); `NO_DATE` for
 * anything else, also for the two old formats.
 */
export function parseHttpDate(value: Bytes): i64 {
  if (value.size != DATE_SIZE || value.at(3) != 0x2c) return NO_DATE;
  const day = numberAt(value, 5, 2);
  const month = monthAt(value, 8);
  const year = numberAt(value, 12, 4);
  const hour = numberAt(value, 17, 2);
  const minute = numberAt(value, 20, 2);
  const second = numberAt(value, 23, 2);
  if (day < 1 || month < 1 || year < 1 || hour < 0 || minute < 0 || second < 0) return NO_DATE;
  const time = ((<i64>hour * 60 + minute) * 60 + second) * 1000;
  return daysBefore(year, month, day) * MILLISECONDS_PER_DAY + time;
}

/** The number that these digits form, or -1. */
function numberAt(value: Bytes, at: i32, digits: i32): i32 {
  let number = 0;
  for (let i = at; i < at + digits; i++) {
    const digit = <u32>value.at(i) - 0x30;
    if (digit > 9) return -1;
    number = number * 10 + <i32>digit;
  }
  return number;
}

/** The month, from 1, or -1. */
function monthAt(value: Bytes, at: i32): i32 {
  for (let month = 0; month < 12; month++) {
    if (memory.compare(value.ptr + at, MONTHS.ptr + 3 * month, 3) == 0) return month + 1;
  }
  return -1;
}

/**
 * Days since 1970-01-01, by the Gregorian calendar. Years begin in March here, so that the leap day
 * comes last.
 */
function daysBefore(year: i32, month: i32, day: i32): i64 {
  const shifted = month > 2 ? year : year - 1;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  const leapDays = shifted / 4 - shifted / 100 + shifted / 400;
  return <i64>shifted * 365 + leapDays + (153 * marchMonth + 2) / 5 + day - 1 - 719468;
}
