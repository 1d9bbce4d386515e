// Changes headers in both directions.

export * from "meshwright/proxy-runtime/proxy";

import {
  Context,
  FilterHeadersStatusValues,
  RootContext,
  registerRootContext,
  stream_context,
} from "meshwright/proxy-runtime";

class HeadersRoot extends RootContext {
  createContext(context_id: u32): Context {
    return new HeadersContext(context_id, this);
  }
}

class HeadersContext extends Context {
  private many: i32 = 0;

  constructor(context_id: u32, root_context: HeadersRoot) {
    super(context_id, root_context);
  }

  onRequestHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const request = stream_context.headers.request;
    const all = request.get_headers();
    for (let i = 0; i < all.length; i++) {
      if (String.UTF8.decode(all[i].key) == "x-many") this.many++;
    }
    request.add("x-copy", request.get("x-in") + "|" + request.get("x-absent"));
    request.replace("x-replaced", "new");
    request.remove("x-secret");
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const response = stream_context.headers.response;
    response.add("x-many-seen", this.many.toString());
    response.add("x-context", this.context_id > 0 ? "numbered" : "none");
    response.replace("x-replaced", "mine");
    response.remove("x-upstream-secret");
    response.add("x-status", response.get(":status"));
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => {
  return new HeadersRoot(context_id);
}, "probe");
