// The trace headers of one request, collected in a single walk over all headers.

import { Bytes } from "../../assembly";
import { Baggage } from "./baggage/baggage";
import { ALWAYS_HANDLED, BAGGAGE_FORMAT, bitOf, Format } from "./format";
import { Tracestate } from "./formats/tracestate";

/**
 * The headers that this filter knows. Of those that a configuration is about it forwards only what
 * it writes or has checked.
 */
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
  XAmznTraceId = 9,
  XCloudTraceContext = 10,
  DatadogTraceId = 11,
  DatadogParentId = 12,
  DatadogPriority = 13,
  DatadogOrigin = 14,
  DatadogTags = 15,
  Sw8 = 16,
  Sw8Correlation = 17,
  Sw8X = 18,
  Baggage = 19,
}

export const TRACE_HEADERS: i32 = 20;

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
  Bytes.of("x-amzn-trace-id"),
  Bytes.of("x-cloud-trace-context"),
  Bytes.of("x-datadog-trace-id"),
  Bytes.of("x-datadog-parent-id"),
  Bytes.of("x-datadog-sampling-priority"),
  Bytes.of("x-datadog-origin"),
  Bytes.of("x-datadog-tags"),
  Bytes.of("sw8"),
  Bytes.of("sw8-correlation"),
  Bytes.of("sw8-x"),
  Bytes.of("baggage"),
];
const PATH = Bytes.of(":path");
const AUTHORITY = Bytes.of(":authority");

/** Bytes of the shortest name. */
const SHORTEST: i32 = 2;
const COLON: u8 = 0x3a;
const LETTER_A: u8 = 0x61;
const LETTER_B: u8 = 0x62;
const LETTER_C: u8 = 0x63;
const LETTER_D: u8 = 0x64;
const LETTER_S: u8 = 0x73;
const LETTER_T: u8 = 0x74;
const LETTER_X: u8 = 0x78;
/** The header that is no trace's. */
const BAGGAGE: u32 = 1 << TraceHeader.Baggage;

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
  if (first == LETTER_X) return findBehindX(name);
  if (first == LETTER_T) return findWithin(name, TraceHeader.Traceparent, TraceHeader.Tracestate);
  if (first == LETTER_S) return findWithin(name, TraceHeader.Sw8, TraceHeader.Sw8X);
  if (first != LETTER_B) return -1;
  const b3 = findWithin(name, TraceHeader.B3, TraceHeader.B3);
  return b3 >= 0 ? b3 : findWithin(name, TraceHeader.Baggage, TraceHeader.Baggage);
}

function findBehindX(name: Bytes): i32 {
  const third = name.size == SHORTEST ? <u8>0 : name.at(2);
  if (third == LETTER_B || third == LETTER_T)
    return findWithin(name, TraceHeader.B3TraceId, TraceHeader.XTraceId);
  if (third == LETTER_D) return findWithin(name, TraceHeader.DatadogTraceId, TraceHeader.DatadogTags);
  if (third == LETTER_A) return findWithin(name, TraceHeader.XAmznTraceId, TraceHeader.XAmznTraceId);
  if (third != LETTER_C) return -1;
  return findWithin(name, TraceHeader.XCloudTraceContext, TraceHeader.XCloudTraceContext);
}

function findWithin(name: Bytes, from: i32, to: i32): i32 {
  for (let header = from; header <= to; header++) {
    if (name.equals(unchecked(NAMES[header]))) return header;
  }
  return -1;
}

/** The bits of the headers, `1 << TraceHeader`, that these formats have; each format is a bit. */
function headersOf(formats: u32): u32 {
  let headers: u32 = (1 << TraceHeader.XAmznTraceId) - 1;
  if (formats & bitOf(Format.XRay)) headers |= 1 << TraceHeader.XAmznTraceId;
  if (formats & bitOf(Format.GoogleCloud)) headers |= 1 << TraceHeader.XCloudTraceContext;
  if (formats & bitOf(Format.Datadog))
    headers |= (1 << (TraceHeader.DatadogTags + 1)) - (1 << TraceHeader.DatadogTraceId);
  if (formats & bitOf(BAGGAGE_FORMAT)) headers |= BAGGAGE;
  if (formats & bitOf(Format.SkyWalking)) headers |= (1 << (TraceHeader.Sw8X + 1)) - (1 << TraceHeader.Sw8);
  return headers;
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
  /** The headers that are collected: a bit `1 << TraceHeader` for each. */
  private readonly collected: u32;
  /** What the request asks for; empty unless that is asked for. */
  readonly path: Bytes = new Bytes(0, 0);
  readonly authority: Bytes = new Bytes(0, 0);

  /**
   * @param handled formats whose headers are collected: a bit `1 << Format` for each
   * @param baggage what takes the members of baggage; `null` if none of them is passed on
   * @param withTarget whether path and authority are collected
   */
  constructor(
    handled: u32 = ALWAYS_HANDLED,
    readonly baggage: Baggage | null = null,
    private readonly withTarget: bool = false,
  ) {
    this.collected = headersOf(handled);
    for (let i = 0; i < TRACE_HEADERS; i++) this.values[i] = new Bytes(0, 0);
  }

  clear(): void {
    this.tracestate.clear();
    this.present = 0;
    this.repeated = 0;
    this.known = true;
    this.path.size = 0;
    this.authority.size = 0;
    const baggage = this.baggage;
    if (baggage) baggage.clear();
  }

  /** Takes a header if it is a known one. */
  add(name: Bytes, value: Bytes): void {
    if (this.withTarget) this.addTarget(name, value);
    const header = findHeader(name);
    if (header < 0) return;
    const bit: u32 = 1 << header;
    if (!(this.collected & bit)) return;
    if (this.present & bit) {
      this.repeated |= bit;
    } else {
      this.present |= bit;
      setView(unchecked(this.values[header]), value);
    }
    if (header == TraceHeader.Tracestate) this.tracestate.add(value);
    const baggage = this.baggage;
    if (header == TraceHeader.Baggage && baggage) baggage.add(value);
  }

  private addTarget(name: Bytes, value: Bytes): void {
    if (name.size == 0 || name.at(0) != COLON) return;
    if (name.equals(PATH)) setView(this.path, value);
    else if (name.equals(AUTHORITY)) setView(this.authority, value);
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
    return (this.present & ~BAGGAGE) != 0 || !this.known;
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

  /** Whether there is one such header, with this value. */
  isOnly(header: TraceHeader, value: Bytes): bool {
    return this.has(header) && !this.isRepeated(header) && unchecked(this.values[header]).equals(value);
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

function setView(view: Bytes, value: Bytes): void {
  view.ptr = value.ptr;
  view.size = value.size;
}
