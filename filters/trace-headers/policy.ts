// The decision: which incoming context is trusted, and which trace this request belongs to. Pure:
// no host call.

import { ALWAYS_HANDLED, bitOf, Format, READ_FORMATS } from "./format";
import { readB3, readB3Multi } from "./formats/b3";
import { readDatadog } from "./formats/datadog";
import { readGoogleCloud } from "./formats/google-cloud";
import { readSkyWalking } from "./formats/skywalking";
import { Tracestate } from "./formats/tracestate";
import { readTraceparent } from "./formats/w3c";
import { readXRay } from "./formats/xray";
import { IncomingHeaders, TraceHeader } from "./incoming";
import { DEFAULT_TRACESTATE_SIZE } from "./limits";
import { SAMPLING_SCALE, Sampling, Trace } from "./trace";

/** The source if no format was read. */
export const NO_SOURCE: i32 = READ_FORMATS;

/** Formats with headers that this filter passes on, and could not make. */
const WITH_COMPANIONS: u32 = (1 << Format.Datadog) | (1 << Format.SkyWalking);

/** The outcome for the trace. */
export enum Outcome {
  /** The caller's trace goes on. */
  Continued = 0,
  /** There was no trace, or only a sampling decision. */
  Started = 1,
  /** There was something, but nothing that is valid and trusted. */
  Restarted = 2,
}

enum Reading {
  Absent,
  Invalid,
  Valid,
}

/** Settings of the decision. */
export class PolicySettings {
  /** Formats in their order of trust. */
  accept: StaticArray<Format> = [Format.W3c, Format.B3, Format.B3Multi];
  /** What is accepted or written: a bit `1 << Format` for each. */
  handled: u32 = ALWAYS_HANDLED;
  written: u32 = 1 << Format.W3c;
  /** False at the edge: no incoming header is trusted. */
  trustIncoming: bool = true;
  /** New traces that are sampled, of `SAMPLING_SCALE`. */
  samplingRate: u32 = SAMPLING_SCALE;
  /** Longest `tracestate` that is forwarded, in bytes. */
  tracestateMaxBytes: i32 = DEFAULT_TRACESTATE_SIZE;
}

/** Decides for one request after the other; the fields hold the last decision. */
@final
export class TracePolicy {
  readonly trace: Trace = new Trace();
  outcome: Outcome = Outcome.Started;
  /** The `Format` that decided, or `NO_SOURCE`. */
  source: i32 = NO_SOURCE;
  /** Formats that were tried and found invalid: bit `1 << Format`. */
  invalidFormats: u32 = 0;
  /** Whether a valid traceparent came with a tracestate that is invalid, or has invalid members. */
  invalidTracestate: bool = false;
  /**
   * Whether there is a tracestate to forward: the one that `tracestate` of the incoming headers now
   * holds.
   */
  keepTracestate: bool = false;
  /**
   * Written formats with headers that go on as they came, because they are about this trace: bit
   * `1 << Format`.
   */
  kept: u32 = 0;
  /** What a format says that did not decide. */
  private readonly other: Trace = new Trace();
  /** Formats that are accepted, written, and have such headers. */
  private readonly keeping: StaticArray<Format>;

  constructor(private readonly settings: PolicySettings) {
    this.keeping = keepingFormats(settings);
  }

  /** @param random address of `RANDOM_SIZE` random bytes. */
  decide(incoming: IncomingHeaders, random: usize): void {
    this.trace.clear();
    this.invalidFormats = 0;
    this.source =
      this.settings.trustIncoming && incoming.readable ? this.readFirstValid(incoming) : NO_SOURCE;
    this.outcome = this.outcomeFor(incoming);
    this.decideTracestate(incoming.tracestate);
    this.decideKept(incoming);
    this.trace.complete(random, this.settings.samplingRate);
  }

  private readFirstValid(incoming: IncomingHeaders): i32 {
    const accept = this.settings.accept;
    let sampling = Sampling.Defer;
    for (let i = 0; i < accept.length; i++) {
      const format = unchecked(accept[i]);
      const reading = read(format, incoming, this.trace);
      if (reading == Reading.Valid) return format;
      if (reading == Reading.Absent) continue;
      this.invalidFormats |= 1 << format;
      if (sampling == Sampling.Defer) sampling = this.trace.sampling;
      this.trace.clear();
    }
    // Ids that nobody can read do not turn "not sampled" into "sampled".
    this.trace.sampling = sampling;
    return NO_SOURCE;
  }

  private outcomeFor(incoming: IncomingHeaders): Outcome {
    if (this.trace.continued) return Outcome.Continued;
    return this.source == NO_SOURCE && incoming.any ? Outcome.Restarted : Outcome.Started;
  }

  /**
   * A tracestate belongs to its traceparent: without it, or with another format's ids, it means
   * nothing.
   */
  private decideTracestate(tracestate: Tracestate): void {
    const belongs = this.source == Format.W3c;
    this.invalidTracestate = belongs && tracestate.hasFault;
    this.keepTracestate = false;
    if (!belongs) return;
    tracestate.limit(this.settings.tracestateMaxBytes);
    this.keepTracestate = tracestate.size > 0;
  }

  /**
   * Headers that no other format has words for go on if the trace is the same, whichever format
   * decided.
   */
  private decideKept(incoming: IncomingHeaders): void {
    this.kept = 0;
    if (!this.trace.continued) return;
    for (let i = 0; i < this.keeping.length; i++) {
      const format = unchecked(this.keeping[i]);
      if (format == this.source || this.isSameTrace(format, incoming)) this.kept |= bitOf(format);
    }
  }

  private isSameTrace(format: Format, incoming: IncomingHeaders): bool {
    const other = this.other;
    other.clear();
    if (read(format, incoming, other) != Reading.Valid || !other.isSameAs(this.trace)) return false;
    // Who made the decision is Datadog's word alone.
    if (other.sampling == this.trace.sampling) this.trace.manual = other.manual;
    return true;
  }
}

function keepingFormats(settings: PolicySettings): StaticArray<Format> {
  const formats: Format[] = [];
  for (let i = 0; i < settings.accept.length; i++) {
    const format = settings.accept[i];
    if (bitOf(format) & settings.written & WITH_COMPANIONS) formats.push(format);
  }
  return StaticArray.fromArray(formats);
}

function read(format: Format, incoming: IncomingHeaders, trace: Trace): Reading {
  if (format == Format.B3Multi) return readMulti(incoming, trace);
  if (format == Format.Datadog) return readDatadogHeaders(incoming, trace);
  const header = headerOf(format);
  const value = incoming.value(header);
  if (!value) return Reading.Absent;
  // Of several headers the first counts, as in Envoy; of several traceparents none can be trusted.
  if (format == Format.W3c) return readingOf(!incoming.isRepeated(header) && readTraceparent(value, trace));
  if (format == Format.B3) return readingOf(readB3(value, trace));
  if (format == Format.XRay) return readingOf(readXRay(value, trace));
  if (format == Format.GoogleCloud) return readingOf(readGoogleCloud(value, trace));
  return readingOf(readSkyWalking(value, trace));
}

/** The header of a format that has its ids in one. */
function headerOf(format: Format): TraceHeader {
  if (format == Format.W3c) return TraceHeader.Traceparent;
  if (format == Format.B3) return TraceHeader.B3;
  if (format == Format.XRay) return TraceHeader.XAmznTraceId;
  return format == Format.GoogleCloud ? TraceHeader.XCloudTraceContext : TraceHeader.Sw8;
}

function readMulti(incoming: IncomingHeaders, trace: Trace): Reading {
  const traceId = incoming.value(TraceHeader.B3TraceId);
  const spanId = incoming.value(TraceHeader.B3SpanId);
  const sampled = incoming.value(TraceHeader.B3Sampled);
  const flags = incoming.value(TraceHeader.B3Flags);
  const valid = readB3Multi(traceId, spanId, sampled, flags, trace);
  return valid || traceId || spanId ? readingOf(valid) : Reading.Absent;
}

function readDatadogHeaders(incoming: IncomingHeaders, trace: Trace): Reading {
  const id = incoming.value(TraceHeader.DatadogTraceId);
  const parent = incoming.value(TraceHeader.DatadogParentId);
  const priority = incoming.value(TraceHeader.DatadogPriority);
  if (!id && !parent && !priority) return Reading.Absent;
  const hasOrigin = incoming.has(TraceHeader.DatadogOrigin);
  const tags = incoming.value(TraceHeader.DatadogTags);
  return readingOf(readDatadog(id, parent, priority, hasOrigin, tags, trace));
}

function readingOf(valid: bool): Reading {
  return valid ? Reading.Valid : Reading.Invalid;
}
