// The binding: collects the trace headers of a request, lets the policy decide, and writes the
// headers of this hop.

import {
  allocate,
  Bytes,
  FilterHeadersStatus,
  HttpContext,
  LogLevel,
  log,
  RootContext,
  randomBytes,
  registerRootContext,
  requestHeaders,
  responseHeaders,
  view,
} from "../../assembly";
import { TraceHeadersConfig } from "./config";
import { IncomingHeaders, nameOf, TraceHeader } from "./incoming";
import { TraceMetrics } from "./metrics";
import { TracePolicy } from "./policy";
import { LONGEST_VALUE, RANDOM_SIZE, Sampling, TRACE_ID_SIZE } from "./trace";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../assembly/exports/stream";

class TraceHeadersRoot extends RootContext {
  private config: TraceHeadersConfig = new TraceHeadersConfig();
  private policy: TracePolicy = new TracePolicy(this.config.policy);
  private metrics: TraceMetrics | null = null;
  /** Of the request in hand; kept from one to the next only to be used again. */
  private readonly incoming: IncomingHeaders = new IncomingHeaders();
  private readonly value: Bytes = Bytes.owned(LONGEST_VALUE);

  override onConfigure(configuration: Bytes): bool {
    const config = TraceHeadersConfig.parse(configuration);
    if (config.error.length > 0) {
      log(LogLevel.Error, "trace-headers: configuration refused: " + config.error);
      return false;
    }
    this.config = config;
    this.policy = new TracePolicy(config.policy);
    this.metrics = new TraceMetrics();
    return true;
  }

  override createHttpContext(): HttpContext {
    return new TraceHeadersContext(this);
  }

  /** Where the trace id goes in a response; `null` for nowhere. */
  get responseHeader(): Bytes | null {
    return this.config.responseHeader;
  }

  /**
   * Gives the request its trace, and returns the trace id, which is good until the next request.
   */
  trace(): Bytes {
    this.collect();
    this.policy.decide(this.incoming, randomBytes(RANDOM_SIZE));
    this.writeW3c();
    this.writeB3();
    this.writeB3Multi();
    this.put(TraceHeader.XTraceId, this.config.writeXTraceId ? this.policy.trace.traceId : null);
    const metrics = this.metrics;
    if (metrics) metrics.count(this.policy);
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
    const joined = view(allocate(tracestate.size), tracestate.size);
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
    // Debug implies sampled, which is then not said as well.
    const debug = trace.sampling == Sampling.Debug;
    this.put(TraceHeader.B3TraceId, written ? trace.traceId : null);
    this.put(TraceHeader.B3SpanId, written ? trace.spanId : null);
    this.put(TraceHeader.B3ParentSpanId, written && trace.continued ? trace.parentId : null);
    const bit = this.valueOf(trace.writeSampled(this.value.ptr));
    this.put(TraceHeader.B3Sampled, written && !debug ? bit : null);
    this.put(TraceHeader.B3Flags, written && debug ? bit : null);
  }

  /** The first `size` bytes of the buffer. */
  private valueOf(size: i32): Bytes {
    this.value.size = size;
    return this.value;
  }

  /** Leaves exactly one header of that name, with that value, or with `null` none. */
  private put(header: TraceHeader, value: Bytes | null): void {
    const name = nameOf(header);
    const present = this.incoming.has(header);
    // Removed and added anew: exactly one is left, whatever `replace` of a host makes of several.
    const repeated = this.incoming.isRepeated(header);
    if (present && (repeated || !value)) requestHeaders.remove(name);
    if (!value) return;
    if (present && !repeated) requestHeaders.replace(name, value);
    else requestHeaders.add(name, value);
  }
}

class TraceHeadersContext extends HttpContext {
  private readonly traceId: Bytes = Bytes.owned(TRACE_ID_SIZE);
  private traced: bool = false;

  constructor(private readonly root: TraceHeadersRoot) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const traceId = this.root.trace();
    memory.copy(this.traceId.ptr, traceId.ptr, TRACE_ID_SIZE);
    this.traced = true;
    return FilterHeadersStatus.Continue;
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const name = this.root.responseHeader;
    if (!name || !this.traced) return FilterHeadersStatus.Continue;
    // The upstream may have answered with one of that name, or with several.
    responseHeaders.remove(name);
    responseHeaders.add(name, this.traceId);
    return FilterHeadersStatus.Continue;
  }

  override onRecycle(): bool {
    this.traced = false;
    return true;
  }
}

registerRootContext((id: u32) => new TraceHeadersRoot(id));
