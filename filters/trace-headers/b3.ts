// B3, in one header and in several. Source: https://github.com/openzipkin/b3-propagation

import { Bytes } from "../../assembly";
import { isId } from "./hex";
import { Sampling, SPAN_ID_SIZE, TRACE_ID_SIZE, Trace } from "./trace";

const DASH: u8 = 0x2d;
const DIGIT_0: u8 = 0x30;
const DIGIT_1: u8 = 0x31;
const LETTER_D: u8 = 0x64;
/**
 * Sizes of what may follow the trace id: a span id; a span id and a decision; these and a parent.
 */
const WITH_SPAN: i32 = 17;
const WITH_DECISION: i32 = 19;
const WITH_PARENT: i32 = 36;

const FALSE: Bytes = Bytes.of("false");
const TRUE: Bytes = Bytes.of("true");

/**
 * Reads a `b3` header, `{trace id}-{span id}[-{0|1|d}[-{parent span id}]]` or the decision alone,
 * into `trace`. False if it is invalid; then `trace` is unchanged.
 */
export function readB3(value: Bytes, trace: Trace): bool {
  if (value.size == 1) return readDecision(value.at(0), trace);
  const idSize = value.indexOf(DASH);
  if (!isTraceId(value.ptr, idSize)) return false;
  const rest = value.ptr + idSize;
  const restSize = value.size - idSize;
  if (restSize != WITH_SPAN && restSize != WITH_DECISION && restSize != WITH_PARENT) return false;
  if (!isId(rest + 1, SPAN_ID_SIZE)) return false;
  if (restSize == WITH_PARENT && (load<u8>(rest, 19) != DASH || !isId(rest + 20, SPAN_ID_SIZE))) return false;
  if (restSize > WITH_SPAN && (load<u8>(rest, 17) != DASH || !readDecision(load<u8>(rest, 18), trace)))
    return false;
  trace.adopt(value.ptr, idSize, rest + 1);
  return true;
}

function readDecision(byte: u8, trace: Trace): bool {
  if (byte == DIGIT_0) trace.sampling = Sampling.Deny;
  else if (byte == DIGIT_1) trace.sampling = Sampling.Accept;
  else if (byte == LETTER_D) trace.sampling = Sampling.Debug;
  else return false;
  return true;
}

/**
 * Reads the `x-b3-*` headers, each `null` if it is absent, into `trace`. False if they are invalid;
 * then `trace` is unchanged. A decision without ids is valid; neither ids nor a decision is
 * invalid.
 */
export function readB3Multi(
  traceId: Bytes | null,
  spanId: Bytes | null,
  parentId: Bytes | null,
  sampled: Bytes | null,
  flags: Bytes | null,
  trace: Trace,
): bool {
  if (!isSampled(sampled) || !isFlags(flags)) return false;
  if (parentId && !isSpanId(parentId)) return false;
  const decision = decisionOf(sampled, flags);
  if (traceId && spanId) {
    if (!isTraceId(traceId.ptr, traceId.size) || !isSpanId(spanId)) return false;
    trace.adopt(traceId.ptr, traceId.size, spanId.ptr);
  } else if (traceId || spanId || parentId || decision == Sampling.Defer) {
    return false;
  }
  trace.sampling = decision;
  return true;
}

/** Debug implies sampled, whatever `x-b3-sampled` says. */
function decisionOf(sampled: Bytes | null, flags: Bytes | null): Sampling {
  if (flags && flags.at(0) == DIGIT_1) return Sampling.Debug;
  if (!sampled) return Sampling.Defer;
  return sampled.at(0) == DIGIT_1 || sampled.equals(TRUE) ? Sampling.Accept : Sampling.Deny;
}

/** Tracers wrote `true` and `false` before the format was fixed. */
function isSampled(value: Bytes | null): bool {
  return !value || isBit(value) || value.equals(TRUE) || value.equals(FALSE);
}

function isFlags(value: Bytes | null): bool {
  return !value || isBit(value);
}

function isBit(value: Bytes): bool {
  return value.size == 1 && (value.at(0) == DIGIT_0 || value.at(0) == DIGIT_1);
}

function isTraceId(ptr: usize, size: i32): bool {
  return (size == TRACE_ID_SIZE || size == TRACE_ID_SIZE / 2) && isId(ptr, size);
}

function isSpanId(value: Bytes): bool {
  return value.size == SPAN_ID_SIZE && isId(value.ptr, SPAN_ID_SIZE);
}
