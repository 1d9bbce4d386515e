// The header of Google Cloud, `x-cloud-trace-context`. Source:
// https://cloud.google.com/trace/docs/trace-context#legacy-http-header

import { Bytes, viewOf } from "../../../assembly";
import { Sampling, SPAN_ID_SIZE, TRACE_ID_SIZE, Trace } from "../trace";
import { readDecimalId, readSmallDecimal, writeDecimalId } from "./decimal";
import { copyDigits, copyId, isZeros } from "./hex";

const SLASH: u8 = 0x2f;
const SEMICOLON: u8 = 0x3b;
const OPTIONS = Bytes.of(";o=");
const FLAG_SAMPLED: i64 = 1;
/** Digits of options, which are a number of 32 bits. */
const MAX_OPTIONS_DIGITS: i32 = 10;
const MAX_OPTIONS: i64 = u32.MAX_VALUE;

/** The ids of the request that is read. */
const traceId: Bytes = Bytes.owned(TRACE_ID_SIZE);
const spanId: Bytes = Bytes.owned(SPAN_ID_SIZE);

/**
 * Reads `{trace id}[/{span id in decimal}][;o={options}]` into `trace`; a span id of 0 is none.
 * False if it is invalid. `trace` then has no ids, but the decision if that is valid.
 */
export function readGoogleCloud(value: Bytes, trace: Trace): bool {
  const semicolon = value.indexOf(SEMICOLON);
  const idsEnd = semicolon < 0 ? value.size : semicolon;
  if (semicolon >= 0 && !readOptions(viewOf(value, semicolon, value.size - semicolon), trace)) return false;
  if (idsEnd < TRACE_ID_SIZE || !copyDigits(value.ptr, TRACE_ID_SIZE, traceId.ptr)) return false;
  if (isZeros(traceId.ptr, TRACE_ID_SIZE)) return false;
  if (idsEnd == TRACE_ID_SIZE) {
    trace.adopt(traceId.ptr, 0);
    return true;
  }
  if (value.at(TRACE_ID_SIZE) != SLASH) return false;
  const span = TRACE_ID_SIZE + 1;
  if (!readDecimalId(value.ptr + span, idsEnd - span, spanId.ptr)) return false;
  trace.adopt(traceId.ptr, isZeros(spanId.ptr, SPAN_ID_SIZE) ? 0 : spanId.ptr);
  return true;
}

/** Of the options, one bit has a meaning. */
function readOptions(options: Bytes, trace: Trace): bool {
  if (!options.startsWith(OPTIONS)) return false;
  const digits = viewOf(options, OPTIONS.size, options.size - OPTIONS.size);
  const flags = readSmallDecimal(digits, MAX_OPTIONS_DIGITS);
  if (flags < 0 || flags > MAX_OPTIONS) return false;
  trace.sampling = flags & FLAG_SAMPLED ? Sampling.Accept : Sampling.Deny;
  return true;
}

/** Writes `x-cloud-trace-context`. Returns its size in bytes. */
export function writeGoogleCloud(trace: Trace, to: usize): i32 {
  copyId(trace.traceId.ptr, TRACE_ID_SIZE, to);
  store<u8>(to, SLASH, TRACE_ID_SIZE);
  const span = TRACE_ID_SIZE + 1;
  const end = span + writeDecimalId(trace.spanId.ptr, to + span);
  memory.copy(to + end, OPTIONS.ptr, OPTIONS.size);
  store<u8>(to + end + OPTIONS.size, trace.sampling == Sampling.Deny ? 0x30 : 0x31);
  return end + OPTIONS.size + 1;
}
