// The header of AWS X-Ray, `x-amzn-trace-id`. Source:
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
//
// `Root` has the 32 digits of a trace id in two parts, and the first is the time in ids that X-Ray
// makes. X-Ray takes ids of W3C too, which have no time, and so does this filter.

import { Bytes } from "../../../assembly";
import { Sampling, SPAN_ID_SIZE, TRACE_ID_SIZE, Trace } from "../trace";
import { copyDigits, isZeros } from "./hex";

/** Whoever writes more than this does not write what this filter reads. */
const MAX_SIZE: i32 = 1024;
const ROOT = Bytes.of("Root=");
const PARENT = Bytes.of("Parent=");
const SAMPLED = Bytes.of("Sampled=");
const ROOT_START = Bytes.of("Root=1-");
const PARENT_START = Bytes.of(";Parent=");
const SAMPLED_START = Bytes.of(";Sampled=");

const SEMICOLON: u8 = 0x3b;
const SPACE: u8 = 0x20;
const DASH: u8 = 0x2d;
const DIGIT_0: u8 = 0x30;
const DIGIT_1: u8 = 0x31;
const QUESTION: u8 = 0x3f;
/** Digits of the first part of a trace id, which is a time where X-Ray made it. */
const TIME_SIZE: i32 = 8;
/** `1-`, the first part, `-` and the second part. */
const ROOT_SIZE: i32 = 2 + TRACE_ID_SIZE + 1;

/** Fields that one header may have once. */
enum Field {
  Other = 0,
  Root = 1,
  Parent = 2,
  Sampled = 4,
}

/** The ids of the header that is read, and which fields it has. */
const traceId: Bytes = Bytes.owned(TRACE_ID_SIZE);
const spanId: Bytes = Bytes.owned(SPAN_ID_SIZE);
let seen: u32 = 0;

/**
 * Reads `Root=1-{time}-{rest};Parent={span id};Sampled={0|1|?}` into `trace`: fields in any order,
 * others between them, and without `Parent` no span. Without `Root` a decision must be there. False
 * if it is invalid. `trace` then has no ids, but the decision if there is one.
 */
export function readXRay(value: Bytes, trace: Trace): bool {
  if (value.size > MAX_SIZE) return false;
  seen = 0;
  let valid = true;
  let start = 0;
  while (start <= value.size) {
    const found = value.indexOf(SEMICOLON, start);
    const end = found < 0 ? value.size : found;
    // Another field may have the decision, which is of use without ids.
    if (!readField(value, start, end, trace)) valid = false;
    start = end + 1;
  }
  if (!valid) return false;
  if (!(seen & Field.Root)) return !(seen & Field.Parent) && trace.sampling != Sampling.Defer;
  const hasSpan = (seen & Field.Parent) != 0 && !isZeros(spanId.ptr, SPAN_ID_SIZE);
  trace.adopt(traceId.ptr, hasSpan ? spanId.ptr : 0);
  return true;
}

/** Reads the field in [start, end). False if it is one of the three, and invalid or repeated. */
function readField(value: Bytes, start: i32, end: i32, trace: Trace): bool {
  while (start < end && value.at(start) == SPACE) start++;
  while (start < end && value.at(end - 1) == SPACE) end--;
  const ptr = value.ptr + start;
  const size = end - start;
  const field = fieldAt(ptr, size);
  if (field == Field.Other) return true;
  if (seen & field) return false;
  seen |= field;
  if (field == Field.Root) return readRoot(ptr + ROOT.size, size - ROOT.size);
  if (field == Field.Sampled) return readSampled(ptr + SAMPLED.size, size - SAMPLED.size, trace);
  return size == PARENT.size + SPAN_ID_SIZE && copyDigits(ptr + PARENT.size, SPAN_ID_SIZE, spanId.ptr);
}

function fieldAt(ptr: usize, size: i32): Field {
  if (isAt(ROOT, ptr, size)) return Field.Root;
  if (isAt(PARENT, ptr, size)) return Field.Parent;
  return isAt(SAMPLED, ptr, size) ? Field.Sampled : Field.Other;
}

function isAt(word: Bytes, ptr: usize, size: i32): bool {
  return size >= word.size && memory.compare(ptr, word.ptr, word.size) == 0;
}

function readRoot(ptr: usize, size: i32): bool {
  if (size != ROOT_SIZE) return false;
  if (load<u8>(ptr) != DIGIT_1 || load<u8>(ptr, 1) != DASH || load<u8>(ptr, 2 + TIME_SIZE) != DASH)
    return false;
  if (!copyDigits(ptr + 2, TIME_SIZE, traceId.ptr)) return false;
  const rest = TRACE_ID_SIZE - TIME_SIZE;
  if (!copyDigits(ptr + 3 + TIME_SIZE, rest, traceId.ptr + TIME_SIZE)) return false;
  return !isZeros(traceId.ptr, TRACE_ID_SIZE);
}

/** `?` asks whoever receives it to decide. */
function readSampled(ptr: usize, size: i32, trace: Trace): bool {
  if (size != 1) return false;
  const byte = load<u8>(ptr);
  if (byte == DIGIT_0) trace.sampling = Sampling.Deny;
  else if (byte == DIGIT_1) trace.sampling = Sampling.Accept;
  else return byte == QUESTION;
  return true;
}

/** Writes `x-amzn-trace-id`. Returns its size in bytes. */
export function writeXRay(trace: Trace, start: usize): i32 {
  let to = put(start, ROOT_START.ptr, ROOT_START.size);
  to = put(to, trace.traceId.ptr, TIME_SIZE);
  store<u8>(to++, DASH);
  to = put(to, trace.traceId.ptr + TIME_SIZE, TRACE_ID_SIZE - TIME_SIZE);
  to = put(to, PARENT_START.ptr, PARENT_START.size);
  to = put(to, trace.spanId.ptr, SPAN_ID_SIZE);
  to = put(to, SAMPLED_START.ptr, SAMPLED_START.size);
  store<u8>(to++, trace.sampling == Sampling.Deny ? DIGIT_0 : DIGIT_1);
  return <i32>(to - start);
}

function put(to: usize, from: usize, size: i32): usize {
  memory.copy(to, from, size);
  return to + size;
}
