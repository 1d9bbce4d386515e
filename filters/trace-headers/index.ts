// The binding: gives each request the headers of this hop, and each response the trace id.

import {
  Bytes,
  Callback,
  FilterHeadersStatus,
  FilterRoot,
  HttpContext,
  registerRootContext,
  responseHeaders,
} from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { TraceHeadersConfig } from "./config";
import { copyId } from "./formats/hex";
import { Hop } from "./hop";
import { TRACE_ID_SIZE } from "./trace";

export {
  left_out_callbacks,
  malloc,
  needed_callbacks,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
} from "../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../assembly/exports/stream";

@final
class TraceHeadersContext extends HttpContext {
  private readonly traceId: Bytes = Bytes.owned(TRACE_ID_SIZE);
  private traced: bool = false;

  constructor(private readonly hop: Hop) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const traceId = this.hop.trace();
    copyId(traceId.ptr, TRACE_ID_SIZE, this.traceId.ptr);
    this.traced = true;
    return FilterHeadersStatus.Continue;
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const name = this.hop.responseHeader;
    if (!name || !this.traced) return FilterHeadersStatus.Continue;
    // The upstream may have sent headers of that name.
    responseHeaders.remove(name);
    responseHeaders.add(name, this.traceId);
    return FilterHeadersStatus.Continue;
  }

  override onRecycle(): bool {
    this.traced = false;
    return true;
  }
}

@final
class TraceHeadersRoot extends FilterRoot<TraceHeadersConfig, Hop> {
  override parse(root: ConfigNode): TraceHeadersConfig {
    return new TraceHeadersConfig(root);
  }

  override neededCallbacks(config: TraceHeadersConfig): u32 {
    const traced = config.responseHeader ? Callback.ResponseHeaders | Callback.Delete : 0;
    return Callback.RequestHeaders | traced;
  }

  override accept(config: TraceHeadersConfig): Hop {
    return new Hop(config);
  }

  override streamContext(hop: Hop): HttpContext {
    return new TraceHeadersContext(hop);
  }
}

registerRootContext((id: u32) => new TraceHeadersRoot(id, "trace-headers"));
