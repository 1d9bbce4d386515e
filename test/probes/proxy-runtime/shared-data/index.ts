// A number that all workers share, by direct host calls, since 0.1.8 offers nothing else.

export * from "meshwright/proxy-runtime/proxy";

import {
  Context,
  FilterHeadersStatusValues,
  RootContext,
  registerRootContext,
  stream_context,
  WasmResultValues,
} from "meshwright/proxy-runtime";
import { proxy_get_shared_data, proxy_set_shared_data } from "meshwright/proxy-runtime/imports";

class SharedRoot extends RootContext {
  createContext(context_id: u32): Context {
    return new SharedContext(context_id, this);
  }
}

/** The memory in which the host writes address, size and version. */
class Out {
  address: usize = 0;
  size: usize = 0;
  version: u32 = 0;
}

class SharedContext extends Context {
  constructor(context_id: u32, root_context: SharedRoot) {
    super(context_id, root_context);
  }

  onResponseHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const key = String.UTF8.encode("probe.count");
    const out = new Out();
    const at = changetype<usize>(out);
    const before = proxy_get_shared_data(
      changetype<usize>(key),
      key.byteLength,
      at + offsetof<Out>("address"),
      at + offsetof<Out>("size"),
      at + offsetof<Out>("version"),
    );
    const value = new ArrayBuffer(8);
    const count: u64 = before == WasmResultValues.Ok ? load<u64>(out.address) + 1 : 1;
    store<u64>(changetype<usize>(value), count);
    const after = proxy_set_shared_data(
      changetype<usize>(key),
      key.byteLength,
      changetype<usize>(value),
      value.byteLength,
      out.version,
    );
    const response = stream_context.headers.response;
    response.add("x-before", before == WasmResultValues.NotFound ? "absent" : out.size.toString());
    response.add("x-count", count.toString());
    response.add("x-set", after == WasmResultValues.Ok ? "ok" : "refused");
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => {
  return new SharedRoot(context_id);
}, "probe");
