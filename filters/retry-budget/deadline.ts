// How much time a request gives itself.

import { Bytes, NOT_A_NUMBER, parseInteger } from "../../assembly";

/** No deadline, as a time or a length of time in nanoseconds. */
export const NO_DEADLINE: u64 = u64.MAX_VALUE;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;
/** `m`, the unit that the router writes `grpc-timeout` in. */
const MILLISECONDS: u8 = 0x6d;
/** Of `grpc-timeout`, by its specification. */
const MAX_DIGITS: i32 = 8;
/** No header gives more than this; what says so gives no deadline. */
const MAX_MILLISECONDS: i64 = 1_000_000_000_000;
/** What the router writes when no time is left, for 0 would mean no limit. */
const OUT_OF_TIME_NS: u64 = NANOSECONDS_PER_MILLISECOND;

/**
 * Nanoseconds that `x-envoy-expected-rq-timeout-ms` gives; `NO_DEADLINE` for none, 0, and what is
 * no number.
 */
export function parseExpectedTimeout(value: Bytes | null): u64 {
  if (!value) return NO_DEADLINE;
  const ms = parseInteger(value);
  return ms == NOT_A_NUMBER || ms <= 0 || ms > MAX_MILLISECONDS
    ? NO_DEADLINE
    : <u64>ms * NANOSECONDS_PER_MILLISECOND;
}

/**
 * Nanoseconds that `grpc-timeout` gives: 1 to 8 digits and one of `n`, `u`, `m`, `S`, `M`, `H`;
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
 * Whether the router counts `grpc-timeout` down itself (`grpc_timeout_header_max`): it then writes
 * the same milliseconds in both, and what the client gave is not to be known any more.
 */
export function isCountedDown(grpc: Bytes, expected: Bytes): bool {
  const digits = expected.size;
  return (
    grpc.size == digits + 1 &&
    grpc.at(digits) == MILLISECONDS &&
    memory.compare(grpc.ptr, expected.ptr, digits) == 0
  );
}

/** The time that one attempt has. */
@final
export class Deadline {
  /** On the steady clock. */
  private end: u64 = NO_DEADLINE;
  /** What the client gave the request, from its start on. */
  grpc: u64 = NO_DEADLINE;

  clear(): void {
    this.end = NO_DEADLINE;
    this.grpc = NO_DEADLINE;
  }

  /**
   * @param now when the attempt begins, by the steady clock
   * @param expected what the router gives this attempt from now on
   */
  set(now: u64, expected: u64, grpc: u64): void {
    const span = expected == OUT_OF_TIME_NS ? 0 : expected;
    this.end = span >= NO_DEADLINE - now ? NO_DEADLINE : now + span;
    this.grpc = grpc;
  }

  /** Whether the router's time is over. */
  isOver(now: u64): bool {
    return now >= this.end;
  }
}
