// One hop of the trace: collects the trace headers of a request, lets the policy decide, and writes
// the headers of this hop.

import { Bytes, nowMilliseconds, randomBytes, requestHeaders, scratch } from "../../assembly";
import { Baggage } from "./baggage/baggage";
import { TraceHeadersConfig } from "./config";
import { BAGGAGE_FORMAT, bitOf, Format, X_TRACE_ID_FORMAT } from "./format";
import { writeB3, writeSampled } from "./formats/b3";
import {
  areDatadogTags,
  isDatadogOrigin,
  isForDatadog,
  writeDatadogParentId,
  writeDatadogTags,
  writeDatadogTraceId,
  writePriority,
} from "./formats/datadog";
import { writeGoogleCloud } from "./formats/google-cloud";
import { isSkyWalkingCompanion } from "./formats/skywalking";
import { writeTraceparent } from "./formats/w3c";
import { writeXRay } from "./formats/xray";
import { IncomingHeaders, nameOf, TraceHeader } from "./incoming";
import { TraceMetrics } from "./metrics";
import { TracePolicy } from "./policy";
import { RANDOM_SIZE, Sampling } from "./trace";

/** Room for the longest value that is written here, that of X-Ray: `Root` has 40 bytes. */
const LONGEST_VALUE: i32 = 40 + 24 + 10;
const MILLISECONDS_PER_SECOND: u64 = 1000;

/**
 * A configuration in use. It defines the metrics, so make it once the configuration is accepted.
 */
@final
export class Hop {
  private readonly policy: TracePolicy;
  private readonly metrics: TraceMetrics;
  /** The trace headers of the current request; the object is kept only to be used again. */
  private readonly incoming: IncomingHeaders;
  private readonly value: Bytes = Bytes.owned(LONGEST_VALUE);
  /** What is accepted or written, and what is written: a bit `1 << Format` for each. */
  private readonly handled: u32;
  private readonly written: u32;

  constructor(private readonly config: TraceHeadersConfig) {
    const baggage = config.baggage;
    this.policy = new TracePolicy(config.policy);
    this.metrics = new TraceMetrics(config.policy.handled, baggage != null, config.explainProperty);
    this.handled = config.policy.handled;
    this.written = config.policy.written;
    this.incoming = new IncomingHeaders(
      config.policy.handled,
      baggage && config.policy.trustIncoming ? new Baggage(baggage) : null,
      config.skywalking != null,
    );
  }

  /** The response header that gets the trace id; `null` for none. */
  get responseHeader(): Bytes | null {
    return this.config.responseHeader;
  }

  /**
   * Gives the request its trace, and returns the trace id, which is valid until the next request.
   */
  trace(): Bytes {
    this.collect();
    this.policy.decide(this.incoming, randomBytes(RANDOM_SIZE));
    // X-Ray's own ids begin with the time, by which it finds them.
    if (this.writes(Format.XRay) && !this.policy.trace.continued)
      this.policy.trace.stampTime(<u32>(nowMilliseconds() / MILLISECONDS_PER_SECOND));
    this.writeW3c();
    this.writeB3();
    this.writeB3Multi();
    this.put(TraceHeader.XTraceId, this.writes(X_TRACE_ID_FORMAT) ? this.policy.trace.traceId : null);
    if (this.handles(Format.XRay)) this.writeXRay();
    if (this.handles(Format.GoogleCloud)) this.writeGoogleCloud();
    if (this.handles(Format.Datadog)) this.writeDatadog();
    if (this.handles(Format.SkyWalking)) this.writeSkyWalking();
    if (this.handles(BAGGAGE_FORMAT)) this.writeBaggage();
    this.metrics.count(this.policy);
    return this.policy.trace.traceId;
  }

  private handles(format: i32): bool {
    return (this.handled & bitOf(format)) != 0;
  }

  private writes(format: i32): bool {
    return (this.written & bitOf(format)) != 0;
  }

  private keeps(format: i32): bool {
    return (this.policy.kept & bitOf(format)) != 0;
  }

  private collect(): void {
    const incoming = this.incoming;
    incoming.clear();
    const pairs = requestHeaders.pairs();
    if (!pairs) {
      incoming.setUnknown();
      return;
    }
    while (pairs.next()) incoming.add(pairs.name, pairs.value);
  }

  private writeW3c(): void {
    const written = this.writes(Format.W3c);
    const trace = this.policy.trace;
    this.put(TraceHeader.Traceparent, written ? this.valueOf(writeTraceparent(trace, this.value.ptr)) : null);
    if (!written || !this.policy.keepTracestate) {
      this.put(TraceHeader.Tracestate, null);
      return;
    }
    if (this.incoming.tracestateUnchanged) return;
    const tracestate = this.incoming.tracestate;
    const joined = scratch(tracestate.size);
    tracestate.write(joined.ptr);
    this.put(TraceHeader.Tracestate, joined);
  }

  private writeB3(): void {
    const trace = this.policy.trace;
    this.put(TraceHeader.B3, this.writes(Format.B3) ? this.valueOf(writeB3(trace, this.value.ptr)) : null);
  }

  private writeB3Multi(): void {
    const written = this.writes(Format.B3Multi);
    const trace = this.policy.trace;
    // Debug implies sampled, which is then not written as well.
    const debug = trace.sampling == Sampling.Debug;
    this.put(TraceHeader.B3TraceId, written ? trace.traceId : null);
    this.put(TraceHeader.B3SpanId, written ? trace.spanId : null);
    this.put(TraceHeader.B3ParentSpanId, written && trace.hasParent ? trace.parentId : null);
    const bit = written ? this.valueOf(writeSampled(trace, this.value.ptr)) : null;
    this.put(TraceHeader.B3Sampled, debug ? null : bit);
    this.put(TraceHeader.B3Flags, debug ? bit : null);
  }

  private writeXRay(): void {
    const written = this.writes(Format.XRay);
    const size = written ? writeXRay(this.policy.trace, this.value.ptr) : 0;
    this.put(TraceHeader.XAmznTraceId, this.valueOrNull(size));
  }

  private writeGoogleCloud(): void {
    const written = this.writes(Format.GoogleCloud);
    const size = written ? writeGoogleCloud(this.policy.trace, this.value.ptr) : 0;
    this.put(TraceHeader.XCloudTraceContext, this.valueOrNull(size));
  }

  private writeDatadog(): void {
    const to = this.value.ptr;
    const trace = this.policy.trace;
    const written = this.writes(Format.Datadog) && isForDatadog(trace);
    const kept = this.keeps(Format.Datadog);
    this.put(TraceHeader.DatadogTraceId, this.valueOrNull(written ? writeDatadogTraceId(trace, to) : 0));
    this.put(TraceHeader.DatadogParentId, this.valueOrNull(written ? writeDatadogParentId(trace, to) : 0));
    this.put(TraceHeader.DatadogPriority, this.valueOrNull(written ? writePriority(trace, to) : 0));
    const origin = this.incoming.value(TraceHeader.DatadogOrigin);
    this.put(TraceHeader.DatadogOrigin, kept && origin && isDatadogOrigin(origin) ? origin : null);
    // The caller's tags have the half of the trace id that the header has no room for.
    const tags = this.incoming.value(TraceHeader.DatadogTags);
    const own = written ? writeDatadogTags(trace, to) : 0;
    this.put(TraceHeader.DatadogTags, kept && tags && areDatadogTags(tags) ? tags : this.valueOrNull(own));
  }

  /** The caller's header goes on as it is, because this hop reports no segment in its place. */
  private writeSkyWalking(): void {
    const kept = this.keeps(Format.SkyWalking);
    this.put(TraceHeader.Sw8, kept ? this.incoming.value(TraceHeader.Sw8) : this.madeSkyWalking());
    this.keepCompanion(TraceHeader.Sw8Correlation, kept);
    this.keepCompanion(TraceHeader.Sw8X, kept);
  }

  private madeSkyWalking(): Bytes | null {
    const writer = this.writes(Format.SkyWalking) ? this.config.skywalking : null;
    return writer ? writer.write(this.policy.trace, this.incoming.path, this.incoming.authority) : null;
  }

  private keepCompanion(header: TraceHeader, kept: bool): void {
    const value = this.incoming.value(header);
    this.put(header, kept && value && isSkyWalkingCompanion(value) ? value : null);
  }

  private writeBaggage(): void {
    const baggage = this.incoming.readable ? this.incoming.baggage : null;
    if (!baggage || baggage.text.size == 0) this.put(TraceHeader.Baggage, null);
    else if (!baggage.isUnchanged) this.put(TraceHeader.Baggage, baggage.text);
    if (baggage) this.metrics.countBaggage(baggage);
  }

  /** The first `size` bytes of the buffer; `null` for none. */
  private valueOrNull(size: i32): Bytes | null {
    return size == 0 ? null : this.valueOf(size);
  }

  /** The first `size` bytes of the buffer. */
  private valueOf(size: i32): Bytes {
    this.value.size = size;
    return this.value;
  }

  /** Leaves exactly one header of that name, with that value; none if the value is `null`. */
  private put(header: TraceHeader, value: Bytes | null): void {
    const present = this.incoming.has(header);
    if (!present && !value) return;
    if (value && this.incoming.isOnly(header, value)) return;
    const name = nameOf(header);
    // A repeated header is removed and added anew. So exactly one is left, whatever a host's
    // `replace` does with several.
    const repeated = this.incoming.isRepeated(header);
    if (present && (repeated || !value)) requestHeaders.remove(name);
    if (!value) return;
    if (present && !repeated) requestHeaders.replace(name, value);
    else requestHeaders.add(name, value);
  }
}
