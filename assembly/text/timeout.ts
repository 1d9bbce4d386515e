// Lengths of time that requests carry: `grpc-timeout`, and headers with a number of milliseconds.

import { allocate, view } from "../abi/memory";
import { Bytes } from "./bytes";
import { MAX_DECIMAL_SIZE, NOT_A_NUMBER, parseInteger, writeDecimal } from "./number";

/** Means no timeout; as a time on the monotonic clock it means never. */
export const NO_TIMEOUT: u64 = u64.MAX_VALUE;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;
/** `m`, the unit in which the router writes `grpc-timeout`. */
const MILLISECONDS: u8 = 0x6d;
/** Most digits of `grpc-timeout`, by its specification. */
const MAX_DIGITS: i32 = 8;
const MAX_GRPC_MILLISECONDS: u64 = 99_999_999;
/** A header with more milliseconds than this gives no timeout. */
const MAX_MILLISECONDS: i64 = 1_000_000_000_000;

/**
 * Nanoseconds of a whole number of milliseconds; `NO_TIMEOUT` for an absent header, a negative
 * number, and anything that is not a number.
 */
export function parseTimeoutMs(value: Bytes | null): u64 {
  if (!value) return NO_TIMEOUT;
  const ms = parseInteger(value);
  return ms == NOT_A_NUMBER || ms < 0 || ms > MAX_MILLISECONDS
    ? NO_TIMEOUT
    : <u64>ms * NANOSECONDS_PER_MILLISECOND;
}

/** The same for the router's own headers, such as `x-envoy-expected-rq-timeout-ms`: 0 is none. */
export function parseRouterTimeout(value: Bytes | null): u64 {
  const timeout = parseTimeoutMs(value);
  return timeout == 0 ? NO_TIMEOUT : timeout;
}

/**
 * Nanoseconds of `grpc-timeout`: 1 to 8 digits and one of `n`, `u`, `m`, `S`, `M`, `H`;
 * `NO_TIMEOUT` for anything else.
 */
export function parseGrpcTimeout(value: Bytes | null): u64 {
  if (!value) return NO_TIMEOUT;
  const digits = value.size - 1;
  if (digits < 1 || digits > MAX_DIGITS) return NO_TIMEOUT;
  let amount: u64 = 0;
  for (let i = 0; i < digits; i++) {
    const digit = <u32>value.at(i) - 0x30;
    if (digit > 9) return NO_TIMEOUT;
    amount = amount * 10 + digit;
  }
  const unit = unitNs(value.at(digits));
  return unit == 0 ? NO_TIMEOUT : amount * unit;
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
 * The value of `grpc-timeout` for that many milliseconds. More than its eight digits can say
 * becomes the most that they can. Valid until the callback ends.
 */
export function grpcTimeoutText(ms: u64): Bytes {
  const ptr = allocate(MAX_DECIMAL_SIZE + 1);
  const size = writeDecimal(ptr, min(ms, MAX_GRPC_MILLISECONDS));
  store<u8>(ptr + size, MILLISECONDS);
  return view(ptr, size + 1);
}

/**
 * Whether the router counts `grpc-timeout` down itself (`grpc_timeout_header_max`). If so, it
 * writes the same milliseconds into `x-envoy-expected-rq-timeout-ms`, and the client's own value
 * cannot be known any more.
 */
export function isCountedDown(grpc: Bytes, expected: Bytes): bool {
  const digits = expected.size;
  return (
    grpc.size == digits + 1 &&
    grpc.at(digits) == MILLISECONDS &&
    memory.compare(grpc.ptr, expected.ptr, digits) == 0
  );
}
