// The deadline that a request sets itself.

import { Bytes, NOT_A_NUMBER, parseInteger } from "../../assembly";

/** Means no deadline, both as a time and as a length of time in nanoseconds. */
export const NO_DEADLINE: u64 = u64.MAX_VALUE;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;
/** `m`, the unit in which the router writes `grpc-timeout`. */
const MILLISECONDS: u8 = 0x6d;
/** Most digits of `grpc-timeout`, by its specification. */
const MAX_DIGITS: i32 = 8;
/** A header with more milliseconds than this gives no deadline. */
const MAX_MILLISECONDS: i64 = 1_000_000_000_000;
/** What the router writes when no time is left, because 0 would mean no limit. */
const OUT_OF_TIME_NS: u64 = NANOSECONDS_PER_MILLISECOND;

/**
 * Nanoseconds of `x-envoy-expected-rq-timeout-ms`; `NO_DEADLINE` for 0, for an absent header, and
 * for anything that is not a number.
 */
export function parseExpectedTimeout(value: Bytes | null): u64 {
  if (!value) return NO_DEADLINE;
  const ms = parseInteger(value);
  return ms == NOT_A_NUMBER || ms <= 0 || ms > MAX_MILLISECONDS
    ? NO_DEADLINE
    : <u64>ms * NANOSECONDS_PER_MILLISECOND;
}

/**
 * Nanoseconds of `grpc-timeout`: 1 to 8 digits and one of `n`, `u`, `m`, `S`, `M`, `H`;
 * `NO_DEADLINE` for anything else.
 */
export function parseGrpcTimeout(value: Bytes | null): u64 {
  if (!value) return NO_DEADLINE;
  const digits = value.size - 1;
  if (digits < 1 || digits > MAX_DIGITS) return NO_DEADLINE;
  let amount: u64 = 0;
  for (let i = 0; i < digits; i++) {
    const digit = <u32>value.at(i) - 0x30;
    if (digit > 9) return NO_DEADLINE;
    amount = amount * 10 + digit;
  }
  const unit = unitNs(value.at(digits));
  return unit == 0 ? NO_DEADLINE : amount * unit;
}

function unitNs(unit: u8): u64 {
  switch (unit) {
    case 0x6e:
      return 1;
    case 0x75:
      return 1000;
    case MILLISECONDS:
      return NANOSECONDS_PER_MILLISECOND;
    case 0x53:
      return 1000 * NANOSECONDS_PER_MILLISECOND;
    case 0x4d:
      return 60_000 * NANOSECONDS_PER_MILLISECOND;
    case 0x48:
      return 3_600_000 * NANOSECONDS_PER_MILLISECOND;
    default:
      return 0;
  }
}

/**
 * Whether the router counts `grpc-timeout` down itself (`grpc_timeout_header_max`). If so, it
 * writes the same milliseconds into both headers, and the client's own value cannot be known any
 * more.
 */
export function isCountedDown(grpc: Bytes, expected: Bytes): bool {
  const digits = expected.size;
  return (
    grpc.size == digits + 1 &&
    grpc.at(digits) == MILLISECONDS &&
    memory.compare(grpc.ptr, expected.ptr, digits) == 0
  );
}

/** The time that one attempt has left. */
@final
export class Deadline {
  /** When the router's time ends, on the monotonic clock. */
  private end: u64 = NO_DEADLINE;
  /** The client's deadline for the request, counted from its start. */
  grpc: u64 = NO_DEADLINE;

  clear(): void {
    this.end = NO_DEADLINE;
    this.grpc = NO_DEADLINE;
  }

  /**
   * @param now when the attempt begins, on the monotonic clock
   * @param expected the time that the router gives this attempt from now on
   */
  set(now: u64, expected: u64, grpc: u64): void {
    const span = expected == OUT_OF_TIME_NS ? 0 : expected;
    this.end = span >= NO_DEADLINE - now ? NO_DEADLINE : now + span;
    this.grpc = grpc;
  }

  /** Whether the router's time has passed. */
  isOver(now: u64): bool {
    return now >= this.end;
  }
}
