// A counter, a gauge of open streams, and a histogram.

export * from "meshwright/proxy-runtime/proxy";

import {
  Context,
  Counter,
  FilterHeadersStatusValues,
  Gauge,
  Histogram,
  RootContext,
  registerRootContext,
  stream_context,
  WasmResultValues,
} from "meshwright/proxy-runtime";

class MetricsRoot extends RootContext {
  requests: Counter = new Counter("probe_requests");
  open: Gauge = new Gauge("probe_open");
  last: Gauge = new Gauge("probe_last");
  sizes: Histogram = new Histogram("probe_sizes");

  constructor(context_id: u32) {
    super(context_id);
  }

  createContext(context_id: u32): Context {
    return new MetricsContext(context_id, this);
  }
}

class MetricsContext extends Context {
  private root: MetricsRoot;
  private counted: bool = false;

  constructor(context_id: u32, root_context: MetricsRoot) {
    super(context_id, root_context);
    this.root = root_context;
  }

  onRequestHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const text = stream_context.headers.request.get("x-size");
    if (text == "") return FilterHeadersStatusValues.Continue;
    const size = u32(parseInt(text, 10));
    this.counted = true;
    this.root.requests.increment(size);
    this.root.open.increment(1);
    this.root.last.record(this.root.last.metric_id, size);
    this.root.sizes.record(this.root.sizes.metric_id, size);
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const refused = this.root.requests.increment(0) == WasmResultValues.BadArgument;
    stream_context.headers.response.add("x-refused", refused ? "yes" : "no");
    return FilterHeadersStatusValues.Continue;
  }

  onDone(): bool {
    if (this.counted) this.root.open.increment(-1);
    return true;
  }
}

registerRootContext((context_id: u32) => {
  return new MetricsRoot(context_id);
}, "probe");
