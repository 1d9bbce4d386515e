// The trace headers of one request, collected in a single walk over all headers.

import { Bytes } from "../../assembly";
import { Tracestate } from "./tracestate";

/** The headers that this filter knows. Of these it forwards only those that it writes. */
export enum TraceHeader {
  Traceparent = 0,
  Tracestate = 1,
  B3 = 2,
  B3TraceId = 3,
  B3SpanId = 4,
  B3ParentSpanId = 5,
  B3Sampled = 6,
  B3Flags = 7,
  XTraceId = 8,
}

export const TRACE_HEADERS: i32 = 9;

/** Names by `TraceHeader`. */
const NAMES: StaticArray<Bytes> = [
  Bytes.of("traceparent"),
  Bytes.of("tracestate"),
  Bytes.of("b3"),
  Bytes.of("x-b3-traceid"),
  Bytes.of("x-b3-spanid"),
  Bytes.of("x-b3-parentspanid"),
  Bytes.of("x-b3-sampled"),
  Bytes.of("x-b3-flags"),
  Bytes.of("x-trace-id"),
];

/** Bytes of the shortest name. */
const SHORTEST: i32 = 2;
const LETTER_B: u8 = 0x62;
const LETTER_T: u8 = 0x74;
const LETTER_X: u8 = 0x78;

export function nameOf(header: TraceHeader): Bytes {
  return unchecked(NAMES[header]);
}

/**
 * The known header with that name, or -1. Most names begin with `x-` and are decided by the byte
 * after it, without a look at the known names.
 */
export function findHeader(name: Bytes): i32 {
  if (name.size < SHORTEST) return -1;
  const first = name.at(0);
  if (first == LETTER_X) {
    const third = name.size == SHORTEST ? <u8>0 : name.at(2);
    if (third != LETTER_B && third != LETTER_T) return -1;
    return findWithin(name, TraceHeader.B3TraceId, TraceHeader.XTraceId);
  }
  if (first == LETTER_T) return findWithin(name, TraceHeader.Traceparent, TraceHeader.Tracestate);
  if (first == LETTER_B) return findWithin(name, TraceHeader.B3, TraceHeader.B3);
  return -1;
}

function findWithin(name: Bytes, from: i32, to: i32): i32 {
  for (let header = from; header <= to; header++) {
    if (name.equals(unchecked(NAMES[header]))) return header;
  }
  return -1;
}

/**
 * The trace headers that arrived. One object serves all requests of a plugin; the values are valid
 * until the callback ends.
 */
@final
export class IncomingHeaders {
  readonly tracestate: Tracestate = new Tracestate();
  /** A bit `1 << TraceHeader` for each header that is there, and for each that is there again. */
  private present: u32 = 0;
  private repeated: u32 = 0;
  private readonly values: StaticArray<Bytes> = new StaticArray<Bytes>(TRACE_HEADERS);
  /** False if the host could not hand over the headers. */
  private known: bool = true;

  constructor() {
    for (let i = 0; i < TRACE_HEADERS; i++) this.values[i] = new Bytes(0, 0);
  }

  clear(): void {
    this.tracestate.clear();
    this.present = 0;
    this.repeated = 0;
    this.known = true;
  }

  /** Takes a header if it is a known one. */
  add(name: Bytes, value: Bytes): void {
    const header = findHeader(name);
    if (header < 0) return;
    const bit: u32 = 1 << header;
    if (this.present & bit) {
      this.repeated |= bit;
    } else {
      this.present |= bit;
      const kept = unchecked(this.values[header]);
      kept.ptr = value.ptr;
      kept.size = value.size;
    }
    if (header == TraceHeader.Tracestate) this.tracestate.add(value);
  }

  /** Treats every header as if it might be there, any number of times. */
  setUnknown(): void {
    this.known = false;
  }

  /** Whether the incoming headers are known. */
  get readable(): bool {
    return this.known;
  }

  /** Whether there are, or may be, trace headers. */
  get any(): bool {
    return this.present != 0 || !this.known;
  }

  /** Whether that header is there, or may be. */
  has(header: TraceHeader): bool {
    return !this.known || (this.present & (1 << header)) != 0;
  }

  /** Whether that header is there more than once, or may be. */
  isRepeated(header: TraceHeader): bool {
    return !this.known || (this.repeated & (1 << header)) != 0;
  }

  /** The first value of a header; `null` if it is absent. */
  value(header: TraceHeader): Bytes | null {
    return (this.present & (1 << header)) == 0 ? null : unchecked(this.values[header]);
  }

  /**
   * Whether writing the tracestate would write the existing value: the members are unchanged if
   * their size is that of the only header.
   */
  get tracestateUnchanged(): bool {
    const header = TraceHeader.Tracestate;
    return (
      !this.isRepeated(header) &&
      this.has(header) &&
      this.tracestate.size == unchecked(this.values[header]).size
    );
  }
}
