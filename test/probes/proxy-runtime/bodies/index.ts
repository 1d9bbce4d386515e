// Reads bodies. It holds a request's body until it is complete, and refuses one that contains a
// forbidden word.

export * from "meshwright/proxy-runtime/proxy";

import {
  Context,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  GrpcStatusValues,
  RootContext,
  registerRootContext,
  send_local_response,
  stream_context,
} from "meshwright/proxy-runtime";
import { BufferTypeValues, get_buffer_bytes } from "meshwright/proxy-runtime/runtime";

class BodiesRoot extends RootContext {
  createContext(context_id: u32): Context {
    return new BodiesContext(context_id, this);
  }
}

class BodiesContext extends Context {
  private seen: usize = 0;
  private first: string = "";

  constructor(context_id: u32, root_context: BodiesRoot) {
    super(context_id, root_context);
  }

  onRequestBody(body_buffer_length: usize, end_of_stream: bool): FilterDataStatusValues {
    if (!end_of_stream) return FilterDataStatusValues.StopIterationAndBuffer;
    this.read(body_buffer_length);
    const body = String.UTF8.decode(get_buffer_bytes(BufferTypeValues.HttpRequestBody, 0, u32.MAX_VALUE));
    if (!body.includes("forbidden")) return FilterDataStatusValues.Continue;
    send_local_response(400, "forbidden word", new ArrayBuffer(0), [], GrpcStatusValues.InvalidArgument);
    return FilterDataStatusValues.StopIterationNoBuffer;
  }

  onResponseHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const response = stream_context.headers.response;
    response.add("x-seen", this.seen.toString());
    response.add("x-start", this.first);
    const nothing = get_buffer_bytes(BufferTypeValues.HttpResponseBody, 0, 10);
    response.add("x-early", nothing.byteLength.toString());
    return FilterHeadersStatusValues.Continue;
  }

  private read(length: usize): void {
    this.seen = length;
    this.first = String.UTF8.decode(get_buffer_bytes(BufferTypeValues.HttpRequestBody, 0, 5));
  }
}

registerRootContext((context_id: u32) => {
  return new BodiesRoot(context_id);
}, "probe");
