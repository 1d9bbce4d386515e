// One hop of the trace: collects the trace headers of a request, lets the policy decide, and writes
// the headers of this hop.

import { Bytes, randomBytes, requestHeaders, scratch } from "../../assembly";
import { TraceHeadersConfig } from "./config";
import { IncomingHeaders, nameOf, TraceHeader } from "./incoming";
import { TraceMetrics } from "./metrics";
import { TracePolicy } from "./policy";
import { LONGEST_VALUE, RANDOM_SIZE, Sampling } from "./trace";

/**
 * A configuration in use. It defines the metrics, so make it once the configuration is accepted.
 */
@final
export class Hop {
  private readonly policy: TracePolicy;
  private readonly metrics: TraceMetrics;
  /** The trace headers of the current request; the object is kept only to be used again. */
  private readonly incoming: IncomingHeaders = new IncomingHeaders();
  private readonly value: Bytes = Bytes.owned(LONGEST_VALUE);

  constructor(private readonly config: TraceHeadersConfig) {
    this.policy = new TracePolicy(config.policy);
    this.metrics = new TraceMetrics(config.explainProperty);
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
    this.writeW3c();
    this.writeB3();
    this.writeB3Multi();
    this.put(TraceHeader.XTraceId, this.config.writeXTraceId ? this.policy.trace.traceId : null);
    this.metrics.count(this.policy);
    return this.policy.trace.traceId;
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
    const written = this.config.writeW3c;
    const trace = this.policy.trace;
    this.put(TraceHeader.Traceparent, written ? this.valueOf(trace.writeTraceparent(this.value.ptr)) : null);
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
    this.put(TraceHeader.B3, this.config.writeB3 ? this.valueOf(trace.writeB3(this.value.ptr)) : null);
  }

  private writeB3Multi(): void {
    const written = this.config.writeB3Multi;
    const trace = this.policy.trace;
    // Debug implies sampled, which is then not written as well.
    const debug = trace.sampling == Sampling.Debug;
    this.put(TraceHeader.B3TraceId, written ? trace.traceId : null);
    this.put(TraceHeader.B3SpanId, written ? trace.spanId : null);
    this.put(TraceHeader.B3ParentSpanId, written && trace.continued ? trace.parentId : null);
    const bit = written ? this.valueOf(trace.writeSampled(this.value.ptr)) : null;
    this.put(TraceHeader.B3Sampled, debug ? null : bit);
    this.put(TraceHeader.B3Flags, debug ? bit : null);
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
