// Datadog's headers, `x-datadog-*`. Source:
// https://docs.datadoghq.com/tracing/trace_collection/trace_context_propagation/ and dd-trace-cpp,
// which is the tracer in stock Envoy: what it goes on with, this filter goes on with too.

import { Bytes, viewOf } from "../../../assembly";
import { Sampling, SPAN_ID_SIZE, TRACE_ID_SIZE, Trace } from "../trace";
import { readDecimalId, readSmallDecimal, writeDecimalId } from "./decimal";
import { copyDigits, isZeros } from "./hex";

/** A trace id of 128 bits has its first half among the tags. */
const HALF: i32 = TRACE_ID_SIZE / 2;
const UPPER_TAG = Bytes.of("_dd.p.tid=");
/** The size of tags that Datadog's tracers read at most. */
const MAX_TAGS_SIZE: i32 = 512;
/** An origin is one word, such as `synthetics` or `rum`. */
const MAX_ORIGIN_SIZE: i32 = 128;
/** Digits of a priority. Only its sign, and whether it is one, have a meaning. */
const MAX_PRIORITY_DIGITS: i32 = 9;

const COMMA: u8 = 0x2c;
const MINUS: u8 = 0x2d;
const DIGIT_0: u8 = 0x30;
const EQUALS: u8 = 0x3d;
const SPACE: u8 = 0x20;
const LAST_PRINTABLE: u8 = 0x7e;

/** The ids of the request that is read. */
const traceId: Bytes = Bytes.owned(TRACE_ID_SIZE);
const spanId: Bytes = Bytes.owned(SPAN_ID_SIZE);

/**
 * Reads the headers, each `null` if it is absent, into `trace`. False unless there are a trace id
 * that is not 0 and a parent's id, both valid, or none and a decision. Where there is an origin,
 * the parent may be missing, and 0 is no parent. Of `tags` only the first half of the trace id
 * counts. If false, `trace` has no ids, but the decision if that is valid.
 */
export function readDatadog(
  id: Bytes | null,
  parent: Bytes | null,
  priority: Bytes | null,
  hasOrigin: bool,
  tags: Bytes | null,
  trace: Trace,
): bool {
  if (priority && !readPriority(priority, trace)) return false;
  if (!id) return !parent && trace.sampling != Sampling.Defer;
  if (!parent && !hasOrigin) return false;
  if (!readDecimalId(id.ptr, id.size, traceId.ptr + HALF)) return false;
  if (isZeros(traceId.ptr + HALF, HALF)) return false;
  if (parent && !readDecimalId(parent.ptr, parent.size, spanId.ptr)) return false;
  if (!tags || !readUpperHalf(tags)) memory.fill(traceId.ptr, DIGIT_0, HALF);
  trace.adopt(traceId.ptr, !parent || isZeros(spanId.ptr, SPAN_ID_SIZE) ? 0 : spanId.ptr);
  return true;
}

/** A person's decision is 2 or -1, that of a rate 1 or 0. */
function readPriority(text: Bytes, trace: Trace): bool {
  const negative = text.size > 0 && text.at(0) == MINUS;
  const digits = negative ? viewOf(text, 1, text.size - 1) : text;
  const value = readSmallDecimal(digits, MAX_PRIORITY_DIGITS);
  if (value < 0) return false;
  trace.sampling = negative || value == 0 ? Sampling.Deny : Sampling.Accept;
  trace.manual = value > (negative ? 0 : 1);
  return true;
}

/** Reads the first half of a trace id to its place. False if the tags do not have one. */
function readUpperHalf(tags: Bytes): bool {
  let start = 0;
  while (start < tags.size) {
    const found = tags.indexOf(COMMA, start);
    const end = found < 0 ? tags.size : found;
    const size = end - start - UPPER_TAG.size;
    const ptr = tags.ptr + start;
    if (size == HALF && memory.compare(ptr, UPPER_TAG.ptr, UPPER_TAG.size) == 0)
      return copyDigits(ptr + UPPER_TAG.size, HALF, traceId.ptr);
    start = end + 1;
  }
  return false;
}

/** Whether these are tags that Datadog's tracers read and that may be passed on as they are. */
export function areDatadogTags(tags: Bytes): bool {
  if (tags.size < 1 || tags.size > MAX_TAGS_SIZE) return false;
  let start = 0;
  while (start <= tags.size) {
    const found = tags.indexOf(COMMA, start);
    const end = found < 0 ? tags.size : found;
    if (!isTag(viewOf(tags, start, end - start))) return false;
    start = end + 1;
  }
  return true;
}

/** A key, `=` and a value of printable characters. A half of a trace id must have 16 digits. */
function isTag(tag: Bytes): bool {
  if (tag.indexOf(EQUALS) < 1 || !isPrintable(tag)) return false;
  if (!tag.startsWith(UPPER_TAG)) return true;
  return tag.size == UPPER_TAG.size + HALF && copyDigits(tag.ptr + UPPER_TAG.size, HALF, traceId.ptr);
}

/** Whether an origin may be passed on as it is. */
export function isDatadogOrigin(origin: Bytes): bool {
  return origin.size > 0 && origin.size <= MAX_ORIGIN_SIZE && isPrintable(origin);
}

function isPrintable(text: Bytes): bool {
  for (let i = 0; i < text.size; i++) {
    const byte = text.at(i);
    if (byte < SPACE || byte > LAST_PRINTABLE) return false;
  }
  return true;
}

/** Whether the format has a form for the trace: its last 64 bits must not be 0. */
export function isForDatadog(trace: Trace): bool {
  return !isZeros(trace.traceId.ptr + HALF, HALF);
}

/** Writes `x-datadog-trace-id`. Returns its size in bytes. */
export function writeDatadogTraceId(trace: Trace, to: usize): i32 {
  return writeDecimalId(trace.traceId.ptr + HALF, to);
}

/** Writes `x-datadog-parent-id`. Returns its size in bytes. */
export function writeDatadogParentId(trace: Trace, to: usize): i32 {
  return writeDecimalId(trace.spanId.ptr, to);
}

/** Writes `x-datadog-sampling-priority`. Returns its size in bytes. */
export function writePriority(trace: Trace, to: usize): i32 {
  const manual = trace.manual || trace.sampling == Sampling.Debug;
  if (trace.sampling != Sampling.Deny) {
    store<u8>(to, DIGIT_0 + (manual ? 2 : 1));
    return 1;
  }
  if (!manual) {
    store<u8>(to, DIGIT_0);
    return 1;
  }
  store<u8>(to, MINUS);
  store<u8>(to, DIGIT_0 + 1, 1);
  return 2;
}

/**
 * Writes `x-datadog-tags` with the first half of the trace id. Returns its size; 0 for a half of 0.
 */
export function writeDatadogTags(trace: Trace, to: usize): i32 {
  if (isZeros(trace.traceId.ptr, HALF)) return 0;
  memory.copy(to, UPPER_TAG.ptr, UPPER_TAG.size);
  memory.copy(to + UPPER_TAG.size, trace.traceId.ptr, HALF);
  return UPPER_TAG.size + HALF;
}
