// The decision: which incoming context is trusted, and which trace this request belongs to. Pure:
// no host call.

import { readB3, readB3Multi } from "./b3";
import { IncomingHeaders, TraceHeader } from "./incoming";
import { DEFAULT_TRACESTATE_SIZE } from "./limits";
import { SAMPLING_SCALE, Sampling, Trace } from "./trace";
import { Tracestate } from "./tracestate";
import { readTraceparent } from "./w3c";

/** A format that can be read. */
export enum Format {
  W3c = 0,
  B3 = 1,
  B3Multi = 2,
}

/** The source if no format was read. */
export const NO_SOURCE: i32 = 3;

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

  constructor(private readonly settings: PolicySettings) {}

  /** @param random address of `RANDOM_SIZE` random bytes. */
  decide(incoming: IncomingHeaders, random: usize): void {
    this.trace.clear();
    this.invalidFormats = 0;
    this.source =
      this.settings.trustIncoming && incoming.readable ? this.readFirstValid(incoming) : NO_SOURCE;
    this.outcome = this.outcomeFor(incoming);
    this.decideTracestate(incoming.tracestate);
    this.trace.complete(random, this.settings.samplingRate);
  }

  private readFirstValid(incoming: IncomingHeaders): i32 {
    const accept = this.settings.accept;
    let sampling = Sampling.Defer;
    for (let i = 0; i < accept.length; i++) {
      const format = unchecked(accept[i]);
      const reading = this.read(format, incoming);
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

  private read(format: Format, incoming: IncomingHeaders): Reading {
    if (format == Format.W3c) return this.readSingle(TraceHeader.Traceparent, incoming);
    if (format == Format.B3) return this.readSingle(TraceHeader.B3, incoming);
    return this.readMulti(incoming);
  }

  private readSingle(header: TraceHeader, incoming: IncomingHeaders): Reading {
    const value = incoming.value(header);
    if (!value) return Reading.Absent;
    if (header == TraceHeader.B3) return readingOf(readB3(value, this.trace));
    // Of several traceparents none can be trusted; of several B3 headers the first counts, as in
    // Envoy.
    return readingOf(!incoming.isRepeated(header) && readTraceparent(value, this.trace));
  }

  private readMulti(incoming: IncomingHeaders): Reading {
    const traceId = incoming.value(TraceHeader.B3TraceId);
    const spanId = incoming.value(TraceHeader.B3SpanId);
    const sampled = incoming.value(TraceHeader.B3Sampled);
    const flags = incoming.value(TraceHeader.B3Flags);
    const valid = readB3Multi(traceId, spanId, sampled, flags, this.trace);
    return valid || traceId || spanId ? readingOf(valid) : Reading.Absent;
  }
}

function readingOf(valid: bool): Reading {
  return valid ? Reading.Valid : Reading.Invalid;
}
