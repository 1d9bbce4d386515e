// One trace context: the values read from the incoming headers, completed for this hop. `formats/`
// reads and writes them.

import { Bytes } from "../../assembly";
import { BUCKETS } from "../../assembly/rules";
import { copyId, writeId, writeNumber } from "./formats/hex";

/** Sizes of the ids in hexadecimal digits. */
export const TRACE_ID_SIZE: i32 = 32;
export const SPAN_ID_SIZE: i32 = 16;

/** Digits of the time in a trace id of X-Ray. */
const STAMP_SIZE: i32 = 8;

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

@final
export class Trace {
  readonly traceId: Bytes = Bytes.owned(TRACE_ID_SIZE);
  /** This hop's own span. */
  readonly spanId: Bytes = Bytes.owned(SPAN_ID_SIZE);
  /** The caller's span; valid only if `hasParent`. */
  readonly parentId: Bytes = Bytes.owned(SPAN_ID_SIZE);
  /** Whether the trace id came from the caller. */
  continued: bool = false;
  hasParent: bool = false;
  sampling: Sampling = Sampling.Defer;
  /** Datadog's word: a person made the decision, and not a rate. */
  manual: bool = false;
  /** W3C's random flag: whoever made the trace id says that it is random. */
  random: bool = false;

  clear(): void {
    this.continued = false;
    this.hasParent = false;
    this.sampling = Sampling.Defer;
    this.manual = false;
    this.random = false;
  }

  /**
   * Takes the caller's ids, checked digits in full size at these addresses.
   * @param spanId 0 if the caller named no span
   */
  adopt(traceId: usize, spanId: usize): void {
    copyId(traceId, TRACE_ID_SIZE, this.traceId.ptr);
    this.continued = true;
    if (spanId == 0) return;
    copyId(spanId, SPAN_ID_SIZE, this.parentId.ptr);
    this.hasParent = true;
  }

  /** Whether both have the same id; it must be one that came from a caller. */
  isSameAs(other: Trace): bool {
    return this.continued && other.continued && this.traceId.equals(other.traceId);
  }

  /** Makes the first 32 bits of the trace id the time, in seconds since 1970. */
  stampTime(seconds: u32): void {
    writeNumber(this.traceId.ptr, seconds, STAMP_SIZE);
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
}
