// The W3C `traceparent`. Source: https://www.w3.org/TR/trace-context/ (Level 1) and
// https://www.w3.org/TR/trace-context-2/ (the random flag).

import { Bytes } from "../../../assembly";
import { Sampling, SPAN_ID_SIZE, TRACE_ID_SIZE, Trace } from "../trace";
import { copyId, hexValue, isHexDigit, isId } from "./hex";

/** Size of version 00, and of the understood part of a later version. */
const KNOWN_SIZE: i32 = 55;
/** A later version may be longer; nobody needs one as long as this. */
const MAX_SIZE: i32 = 512;
const DASH: u8 = 0x2d;
/** The two digits of the version, as a little-endian word. */
const VERSION_00: u16 = 0x3030;
const VERSION_FF: u16 = 0x6666;
const FLAG_SAMPLED: u8 = 1;
const FLAG_RANDOM: u8 = 2;

/** Reads a `traceparent` into `trace`. False if it is invalid; then `trace` is unchanged. */
export function readTraceparent(value: Bytes, trace: Trace): bool {
  if (!hasValidShape(value)) return false;
  const ptr = value.ptr;
  if (!isId(ptr + 3, TRACE_ID_SIZE) || !isId(ptr + 36, SPAN_ID_SIZE)) return false;
  const lowFlags = load<u8>(ptr, 54);
  if (!isHexDigit(load<u8>(ptr, 53)) || !isHexDigit(lowFlags)) return false;
  const flags = hexValue(lowFlags);
  trace.adopt(ptr + 3, ptr + 36);
  trace.sampling = flags & FLAG_SAMPLED ? Sampling.Accept : Sampling.Deny;
  // In a later version only the sampled bit is known to have the same meaning.
  trace.random = load<u16>(ptr) == VERSION_00 && (flags & FLAG_RANDOM) != 0;
  return true;
}

/**
 * Checks version, size and dashes. A later version may continue after the known part, with a dash.
 */
function hasValidShape(value: Bytes): bool {
  const ptr = value.ptr;
  if (value.size < KNOWN_SIZE || value.size > MAX_SIZE) return false;
  if (!isHexDigit(load<u8>(ptr)) || !isHexDigit(load<u8>(ptr, 1))) return false;
  const version = load<u16>(ptr);
  if (version == VERSION_FF) return false;
  if (value.size > KNOWN_SIZE && (version == VERSION_00 || load<u8>(ptr, 55) != DASH)) return false;
  return load<u8>(ptr, 2) == DASH && load<u8>(ptr, 35) == DASH && load<u8>(ptr, 52) == DASH;
}

/** Writes a `traceparent`, always of version 00. Returns its size in bytes. */
export function writeTraceparent(trace: Trace, to: usize): i32 {
  store<u16>(to, VERSION_00);
  store<u8>(to, DASH, 2);
  copyId(trace.traceId.ptr, TRACE_ID_SIZE, to + 3);
  store<u8>(to, DASH, 35);
  copyId(trace.spanId.ptr, SPAN_ID_SIZE, to + 36);
  store<u8>(to, DASH, 52);
  store<u8>(to, 0x30, 53);
  const sampled = trace.sampling == Sampling.Deny ? <u8>0 : FLAG_SAMPLED;
  store<u8>(to, 0x30 + (sampled | (trace.random ? FLAG_RANDOM : <u8>0)), 54);
  return KNOWN_SIZE;
}
