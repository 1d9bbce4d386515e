// Answers by itself, and writes what it saw into its own answers and the upstream's.

export * from "meshwright/proxy-runtime/proxy";

import {
  Context,
  FilterHeadersStatusValues,
  GrpcStatusValues,
  HeaderPair,
  RootContext,
  registerRootContext,
  send_local_response,
  stream_context,
} from "meshwright/proxy-runtime";

class ReplyRoot extends RootContext {
  createContext(context_id: u32): Context {
    return new ReplyContext(context_id, this);
  }
}

class ReplyContext extends Context {
  private replied: bool = false;

  constructor(context_id: u32, root_context: ReplyRoot) {
    super(context_id, root_context);
  }

  onRequestHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const request = stream_context.headers.request;
    const status = request.get("x-reply");
    if (status == "") return FilterHeadersStatusValues.Continue;
    this.replied = true;
    const name = String.UTF8.encode("x-why");
    const grpc = request.get("content-type").startsWith("application/grpc")
      ? GrpcStatusValues.ResourceExhausted
      : GrpcStatusValues.InvalidCode;
    send_local_response(
      u32(parseInt(status, 10)),
      "probe says no",
      String.UTF8.encode(request.get("x-body")),
      [new HeaderPair(name, String.UTF8.encode("a test")), new HeaderPair(name, new ArrayBuffer(0))],
      grpc,
    );
    return FilterHeadersStatusValues.StopIteration;
  }

  onResponseHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-replied", this.replied ? "yes" : "no");
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => {
  return new ReplyRoot(context_id);
}, "probe");
