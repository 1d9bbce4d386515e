// What the releases after 0.1.8 and other forks have: callbacks typed `BaseContext`,
// `send_http_response` and `set_buffer_bytes`.

export * from "meshwright/proxy-runtime/assembly/proxy";

import {
  BaseContext,
  BufferTypeValues,
  Context,
  continue_request,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  Headers,
  makeHeaderPair,
  RootContext,
  registerRootContext,
  send_http_response,
  set_buffer_bytes,
  stream_context,
} from "meshwright/proxy-runtime/assembly";

class LaterRoot extends RootContext {
  createContext(context_id: u32): Context {
    return new Later(context_id, this);
  }
}

function asLater(origin_context: BaseContext, headers: u32, body_size: usize, trailers: u32): void {
  (origin_context as Later).answered("base", headers);
}

function asBefore(origin_context: Context, headers: u32, body_size: usize, trailers: u32): void {
  (origin_context as Later).answered("context", headers);
}

class Later extends Context {
  constructor(context_id: u32, root_context: LaterRoot) {
    super(context_id, root_context);
  }

  onRequestHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const act = stream_context.headers.request.get("x-do");
    if (act == "refuse") {
      send_http_response(418, "teapot", String.UTF8.encode("short and stout"), [makeHeaderPair("x-a", "1")]);
      return FilterHeadersStatusValues.StopIteration;
    }
    const none = new ArrayBuffer(0);
    if (act == "base") this.root_context.httpCall("judge", this.request(), none, [], 500, this, asLater);
    else if (act == "context") {
      this.root_context.httpCall("judge", this.request(), none, [], 500, this, asBefore);
    } else if (act == "arrow") {
      this.root_context.httpCall(
        "judge",
        this.request(),
        none,
        [],
        500,
        this,
        (origin, headers, size, trailers) => {
          (origin as Later).answered("arrow", headers);
        },
      );
    } else return FilterHeadersStatusValues.Continue;
    return FilterHeadersStatusValues.StopIteration;
  }

  onResponseBody(body_buffer_length: usize, end_of_stream: bool): FilterDataStatusValues {
    const type = BufferTypeValues.HttpResponseBody;
    set_buffer_bytes(type, 0, <u32>body_buffer_length, String.UTF8.encode("mine"));
    set_buffer_bytes(type, 0, 0, String.UTF8.encode("<"));
    set_buffer_bytes(type, 5, 0, String.UTF8.encode(">"));
    return FilterDataStatusValues.Continue;
  }

  answered(how: string, headers: u32): void {
    stream_context.headers.request.add("x-answered", how + " " + (headers > 0).toString());
    continue_request();
  }

  private request(): Headers {
    return [
      makeHeaderPair(":method", "GET"),
      makeHeaderPair(":path", "/"),
      makeHeaderPair(":authority", "judge"),
    ];
  }
}

registerRootContext((context_id: u32) => new LaterRoot(context_id), "probe");
