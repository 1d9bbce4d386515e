// SkyWalking's header, `sw8`. Source:
// https://skywalking.apache.org/docs/main/next/en/api/x-process-propagation-headers-v3/
//
// It names the caller's segment and span, service, instance and endpoint, of which SkyWalking draws
// its map of services. A hop that reports no segment has no truth to put in their place. So a
// header that came in goes on as it is, and one is only made where none came.
//
// Ids become those of other formats as in the SkyWalking receiver of the OpenTelemetry collector
// (receiver/skywalkingreceiver, v0.100), so that spans which arrive there by both ways are one
// trace.

import { Bytes, NOT_BASE64, readBase64, viewOf } from "../../../assembly";
import { hash64 } from "../../../assembly/rules";
import { Sampling, SPAN_ID_SIZE, TRACE_ID_SIZE, Trace } from "../trace";
import { readSmallDecimal } from "./decimal";
import { copyDigits, hexValue, ID_DIGITS, isZeros, numberAt, writeNumber } from "./hex";

/** Room for every field that agents write, and for longer ones than any of them. */
const MAX_SIZE: i32 = 2048;
const FIELDS: i32 = 8;
/** Fields by their place. The other ones are texts about the caller. */
const SAMPLE: i32 = 0;
const TRACE_ID: i32 = 1;
const SEGMENT_ID: i32 = 2;
const SPAN: i32 = 3;

/** What `sw8-correlation` and `sw8-x` have: base64, between marks. */
const COMPANION_BYTES = Bytes.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=:,- ");

const DASH: u8 = 0x2d;
const DOT: u8 = 0x2e;
const DIGIT_0: u8 = 0x30;
const DIGIT_1: u8 = 0x31;
/** Digits of a span's index, a number of 31 bits. */
const MAX_INDEX_DIGITS: i32 = 10;
const MAX_INDEX: i64 = i32.MAX_VALUE;
/** Digits of the numbers in an id of the Java agent. */
const MAX_PART_DIGITS: i32 = 18;
/** Size of a UUID with dashes. */
const UUID_SIZE: i32 = 36;
const SECOND_SEED: u64 = 1;

/** Decoded fields, and the ids of the request that is read. */
const decoded: Bytes = Bytes.owned(MAX_SIZE);
const id: Bytes = new Bytes(0, 0);
const traceId: Bytes = Bytes.owned(TRACE_ID_SIZE);
const segment: Bytes = Bytes.owned(TRACE_ID_SIZE);
const spanId: Bytes = Bytes.owned(SPAN_ID_SIZE);
const ends: StaticArray<i32> = new StaticArray<i32>(FIELDS);

/** Reads an `sw8` into `trace`. False if it is invalid. */
export function readSkyWalking(value: Bytes, trace: Trace): bool {
  if (!splitFields(value)) return false;
  const sample = fieldOf(value, SAMPLE);
  if (sample.size != 1) return false;
  const bit = sample.at(0);
  if (bit != DIGIT_0 && bit != DIGIT_1) return false;
  trace.sampling = bit == DIGIT_0 ? Sampling.Deny : Sampling.Accept;
  const index = readSmallDecimal(fieldOf(value, SPAN), MAX_INDEX_DIGITS);
  if (index < 0 || index > MAX_INDEX) return false;
  for (let field = SPAN + 1; field < FIELDS; field++) {
    if (!decode(fieldOf(value, field))) return false;
  }
  if (!decode(fieldOf(value, TRACE_ID)) || id.size == 0) return false;
  translateTraceId();
  if (!decode(fieldOf(value, SEGMENT_ID)) || id.size == 0) return false;
  trace.adopt(traceId.ptr, translateSpan(<u32>index) ? spanId.ptr : 0);
  return true;
}

/** Finds the ends of the fields. False if there are not as many as there must be. */
function splitFields(value: Bytes): bool {
  if (value.size > MAX_SIZE) return false;
  let field = 0;
  for (let i = 0; i < value.size; i++) {
    if (value.at(i) != DASH) continue;
    if (field == FIELDS - 1) return false;
    unchecked((ends[field++] = i));
  }
  unchecked((ends[field] = value.size));
  return field == FIELDS - 1;
}

function fieldOf(value: Bytes, field: i32): Bytes {
  const start = field == 0 ? 0 : unchecked(ends[field - 1]) + 1;
  return viewOf(value, start, unchecked(ends[field]) - start);
}

/** Decodes a field to `id`. */
function decode(field: Bytes): bool {
  const size = readBase64(field, decoded.ptr);
  id.ptr = decoded.ptr;
  id.size = max(0, size);
  return size != NOT_BASE64;
}

/** Makes of `id` a trace id: alike at every hop. */
function translateTraceId(): void {
  const isId = id.size == UUID_SIZE ? copyUuid() : readParts(traceId.ptr, 0);
  if (isId && !isZeros(traceId.ptr, TRACE_ID_SIZE)) return;
  // An agent may make ids of any form.
  writeNumber(traceId.ptr, hash64(0, id.ptr, id.size), ID_DIGITS);
  // It is not 0, as no id may be.
  writeNumber(traceId.ptr + ID_DIGITS, hash64(SECOND_SEED, id.ptr, id.size) | 1, ID_DIGITS);
}

/** Makes of `id`, a segment's, and of the span's index in it a span id. False if there is none. */
function translateSpan(index: u32): bool {
  if (!readParts(segment.ptr, index)) return false;
  writeNumber(spanId.ptr, numberAt(segment.ptr) ^ numberAt(segment.ptr + ID_DIGITS), ID_DIGITS);
  return !isZeros(spanId.ptr, SPAN_ID_SIZE);
}

/** Copies the digits of a UUID with dashes to `traceId`. */
function copyUuid(): bool {
  const from = id.ptr;
  const to = traceId.ptr;
  if (id.at(8) != DASH || id.at(13) != DASH || id.at(18) != DASH || id.at(23) != DASH) return false;
  if (!copyDigits(from, 8, to) || !copyDigits(from + 9, 4, to + 8)) return false;
  if (!copyDigits(from + 14, 4, to + 12) || !copyDigits(from + 19, 4, to + 16)) return false;
  return copyDigits(from + 24, 12, to + 20);
}

/**
 * Reads `id` as 32 digits, behind which the Java agent has the numbers of its thread and of the
 * segment, each after a dot. All of it, and `extra`, are folded into the 32 digits at `to`.
 */
function readParts(to: usize, extra: u32): bool {
  if (id.size < TRACE_ID_SIZE || !copyDigits(id.ptr, TRACE_ID_SIZE, to)) return false;
  fold(to, extra, 4);
  if (id.size == TRACE_ID_SIZE) return true;
  const first = TRACE_ID_SIZE + 1;
  const dot = id.indexOf(DOT, first);
  if (id.at(TRACE_ID_SIZE) != DOT || dot < 0) return false;
  const thread = readSmallDecimal(viewOf(id, first, dot - first), MAX_PART_DIGITS);
  const sequence = readSmallDecimal(viewOf(id, dot + 1, id.size - dot - 1), MAX_PART_DIGITS);
  if (thread < 0 || sequence < 0) return false;
  fold(to + 8, <u64>thread, 4);
  fold(to + 16, <u64>sequence, 8);
  return true;
}

/** Adds the low `size` bytes of a number, without carry, the lowest one first. */
function fold(to: usize, value: u64, size: i32): void {
  for (let i = 0; i < size; i++, to += 2, value >>= 8) {
    const byte = (hexValue(load<u8>(to)) << 4) | hexValue(load<u8>(to, 1));
    writeNumber(to, byte ^ <u8>value, 2);
  }
}

/** Whether `sw8-correlation` or `sw8-x` may be passed on as they are. */
export function isSkyWalkingCompanion(value: Bytes): bool {
  if (value.size < 1 || value.size > MAX_SIZE) return false;
  for (let i = 0; i < value.size; i++) {
    if (COMPANION_BYTES.indexOf(value.at(i)) < 0) return false;
  }
  return true;
}
