// B3, in one header and in several. Source: https://github.com/openzipkin/b3-propagation
//
// What stock Envoy's Zipkin tracer accepts is accepted here, so that a trace does not break where
// one proxy has the tracer and the next one this filter. One difference: a trace id of zeros, which
// no traceparent may have.

import { Bytes } from "../../../assembly";
import { Sampling, SPAN_ID_SIZE, TRACE_ID_SIZE, Trace } from "../trace";
import { copyId, isZeros, readId } from "./hex";

const DASH: u8 = 0x2d;
const DIGIT_0: u8 = 0x30;
const DIGIT_1: u8 = 0x31;
const LETTER_D: u8 = 0x64;
/** Half of a trace id, which has 16 digits like a span id. */
const HALF: i32 = TRACE_ID_SIZE / 2;
/**
 * Sizes of what may follow the trace id: a span id; a span id and a decision. What stands behind
 * the decision is the parent's span, which nobody here needs.
 */
const WITH_SPAN: i32 = 1 + SPAN_ID_SIZE;
const WITH_DECISION: i32 = WITH_SPAN + 2;

const TRUE: Bytes = Bytes.of("true");

/** The ids of the request that is read, each in full size. */
const traceId: Bytes = Bytes.owned(TRACE_ID_SIZE);
const spanId: Bytes = Bytes.owned(SPAN_ID_SIZE);

/**
 * Reads a `b3` header, `{trace id}-{span id}[-{0|1|d}[-{parent span id}]]` or the decision alone,
 * into `trace`. False if it is invalid. `trace` then has no ids, but the decision if that is valid.
 */
export function readB3(value: Bytes, trace: Trace): bool {
  if (value.size == 1) return readDecision(value.at(0), trace);
  const ids = value.ptr;
  const idSize = value.size > TRACE_ID_SIZE && load<u8>(ids, TRACE_ID_SIZE) == DASH ? TRACE_ID_SIZE : HALF;
  const rest = ids + idSize;
  const restSize = value.size - idSize;
  if (restSize < WITH_SPAN || load<u8>(rest) != DASH) return false;
  if (restSize > WITH_SPAN && !readDecisionAfterIds(rest, restSize, trace)) return false;
  return adoptIds(ids, idSize, rest + 1, SPAN_ID_SIZE, trace);
}

function readDecisionAfterIds(rest: usize, restSize: i32, trace: Trace): bool {
  if (restSize < WITH_DECISION || load<u8>(rest, WITH_SPAN) != DASH) return false;
  if (restSize > WITH_DECISION && load<u8>(rest, WITH_DECISION) != DASH) return false;
  return readDecision(load<u8>(rest, WITH_DECISION - 1), trace);
}

function readDecision(byte: u8, trace: Trace): bool {
  if (byte == DIGIT_0) trace.sampling = Sampling.Deny;
  else if (byte == DIGIT_1) trace.sampling = Sampling.Accept;
  else if (byte == LETTER_D) trace.sampling = Sampling.Debug;
  else return false;
  return true;
}

/**
 * Reads the `x-b3-*` headers, each `null` if it is absent, into `trace`. False unless there are
 * both ids, and both valid, or none and a decision. `trace` then has no ids, but the decision if
 * there is one.
 */
export function readB3Multi(
  traceHeader: Bytes | null,
  span: Bytes | null,
  sampled: Bytes | null,
  flags: Bytes | null,
  trace: Trace,
): bool {
  trace.sampling = decisionOf(sampled, flags);
  if (traceHeader && span) return adoptIds(traceHeader.ptr, traceHeader.size, span.ptr, span.size, trace);
  return !traceHeader && !span && trace.sampling != Sampling.Defer;
}

/**
 * Debug implies sampled, whatever `x-b3-sampled` says; other flags say nothing. Tracers wrote
 * `true` and `false` before the format was fixed. What is neither is not sampled, as in Envoy.
 */
function decisionOf(sampled: Bytes | null, flags: Bytes | null): Sampling {
  if (flags && isOne(flags)) return Sampling.Debug;
  if (!sampled) return Sampling.Defer;
  return isOne(sampled) || sampled.equals(TRUE) ? Sampling.Accept : Sampling.Deny;
}

function isOne(value: Bytes): bool {
  return value.size == 1 && value.at(0) == DIGIT_1;
}

/** A trace id of 32 bytes is two numbers; one of any other size is one. */
function adoptIds(traceHeader: usize, size: i32, span: usize, spanSize: i32, trace: Trace): bool {
  const low = traceId.ptr + HALF;
  if (size == TRACE_ID_SIZE) {
    if (!readId(traceHeader, HALF, traceId.ptr) || !readId(traceHeader + HALF, HALF, low)) return false;
  } else {
    memory.fill(traceId.ptr, DIGIT_0, HALF);
    if (!readId(traceHeader, size, low)) return false;
  }
  if (isZeros(traceId.ptr, TRACE_ID_SIZE) || !readId(span, spanSize, spanId.ptr)) return false;
  trace.adopt(traceId.ptr, spanId.ptr);
  return true;
}

/** Writes B3 in one header. Returns its size in bytes. */
export function writeB3(trace: Trace, to: usize): i32 {
  copyId(trace.traceId.ptr, TRACE_ID_SIZE, to);
  store<u8>(to, DASH, 32);
  copyId(trace.spanId.ptr, SPAN_ID_SIZE, to + 33);
  store<u8>(to, DASH, 49);
  if (trace.sampling == Sampling.Debug) store<u8>(to, LETTER_D, 50);
  else writeSampled(trace, to + 50);
  if (!trace.hasParent) return 51;
  store<u8>(to, DASH, 51);
  copyId(trace.parentId.ptr, SPAN_ID_SIZE, to + 52);
  return 52 + SPAN_ID_SIZE;
}

/** Writes `x-b3-sampled`. Returns its size in bytes. */
export function writeSampled(trace: Trace, to: usize): i32 {
  store<u8>(to, trace.sampling == Sampling.Deny ? DIGIT_0 : DIGIT_1);
  return 1;
}
