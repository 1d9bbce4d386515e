// One trace context: the values read from the incoming headers, completed for this hop, and the
// form that each format gives them.

import { Bytes } from "../../assembly";
import { BUCKETS } from "../../assembly/rules";
import { writeId } from "./hex";

/** Sizes of the ids in hexadecimal digits. */
export const TRACE_ID_SIZE: i32 = 32;
export const SPAN_ID_SIZE: i32 = 16;

/**
 * Room for the longest value that is written here, a `b3` with a parent: 32 + 1 + 16 + 2 + 1 + 16
 * bytes.
 */
export const LONGEST_VALUE: i32 = 68;

/** Random bytes that a hop needs: a trace id, a span id and a sampling draw. */
export const RANDOM_SIZE: i32 = 32;

/** Whether a trace is recorded, in B3's words. W3C knows only `Deny` and `Accept`. */
export enum Sampling {
  /** Not decided: whoever receives this decides. */
  Defer = 0,
  Deny = 1,
  Accept = 2,
  /** Accepted, and every hop must record it. */
  Debug = 3,
}

/** The whole of which a sampling rate is a part: the steps of a percentage. */
export const SAMPLING_SCALE: u32 = BUCKETS;

const DASH: u8 = 0x2d;
const FLAG_SAMPLED: u8 = 1;
const FLAG_RANDOM: u8 = 2;

@final
export class Trace {
  readonly traceId: Bytes = Bytes.owned(TRACE_ID_SIZE);
  /** This hop's own span. */
  readonly spanId: Bytes = Bytes.owned(SPAN_ID_SIZE);
  /** The caller's span; valid only if `continued`. */
  readonly parentId: Bytes = Bytes.owned(SPAN_ID_SIZE);
  /** Whether the ids came from the caller. */
  continued: bool = false;
  sampling: Sampling = Sampling.Defer;
  /** W3C's random flag: whoever made the trace id says that it is random. */
  random: bool = false;

  clear(): void {
    this.continued = false;
    this.sampling = Sampling.Defer;
    this.random = false;
  }

  /** Takes the caller's ids, checked digits in full size at these addresses. */
  adopt(traceId: usize, spanId: usize): void {
    memory.copy(this.traceId.ptr, traceId, TRACE_ID_SIZE);
    memory.copy(this.parentId.ptr, spanId, SPAN_ID_SIZE);
    this.continued = true;
  }

  /**
   * Completes the trace for this hop: a new span, a new trace if none was adopted, and a decision
   * if there is none.
   * @param random address of `RANDOM_SIZE` random bytes.
   * @param rate how many of `SAMPLING_SCALE` traces are sampled.
   */
  complete(random: usize, rate: u32): void {
    if (!this.continued) writeId(this.traceId.ptr, random, TRACE_ID_SIZE / 2);
    writeId(this.spanId.ptr, random + 16, SPAN_ID_SIZE / 2);
    if (this.sampling != Sampling.Defer) return;
    const draw = <u32>(load<u64>(random + 24) % SAMPLING_SCALE);
    this.sampling = draw < rate ? Sampling.Accept : Sampling.Deny;
  }

  /** `traceparent`, always of version 00. Returns its size in bytes. */
  writeTraceparent(to: usize): i32 {
    store<u8>(to, 0x30);
    store<u8>(to, 0x30, 1);
    store<u8>(to, DASH, 2);
    memory.copy(to + 3, this.traceId.ptr, TRACE_ID_SIZE);
    store<u8>(to, DASH, 35);
    memory.copy(to + 36, this.spanId.ptr, SPAN_ID_SIZE);
    store<u8>(to, DASH, 52);
    store<u8>(to, 0x30, 53);
    const sampled = this.sampling == Sampling.Deny ? <u8>0 : FLAG_SAMPLED;
    store<u8>(to, 0x30 + (sampled | (this.random ? FLAG_RANDOM : <u8>0)), 54);
    return 55;
  }

  /** B3 in one header. Returns its size in bytes. */
  writeB3(to: usize): i32 {
    memory.copy(to, this.traceId.ptr, TRACE_ID_SIZE);
    store<u8>(to, DASH, 32);
    memory.copy(to + 33, this.spanId.ptr, SPAN_ID_SIZE);
    store<u8>(to, DASH, 49);
    store<u8>(to, this.sampling == Sampling.Debug ? 0x64 : this.sampledDigit(), 50);
    if (!this.continued) return 51;
    store<u8>(to, DASH, 51);
    memory.copy(to + 52, this.parentId.ptr, SPAN_ID_SIZE);
    return LONGEST_VALUE;
  }

  /** `x-b3-sampled`. Returns its size in bytes. */
  writeSampled(to: usize): i32 {
    store<u8>(to, this.sampledDigit());
    return 1;
  }

  private sampledDigit(): u8 {
    return this.sampling == Sampling.Deny ? 0x30 : 0x31;
  }
}
