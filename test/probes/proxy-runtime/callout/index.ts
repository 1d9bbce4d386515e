// Asks another service before it lets a request pass. The callback of an HTTP call resumes or
// answers the waiting stream.

export * from "meshwright/proxy-runtime/proxy";

import {
  Context,
  continue_request,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterTrailersStatusValues,
  GrpcStatusValues,
  HeaderPair,
  Headers,
  LogLevelValues,
  log,
  RootContext,
  registerRootContext,
  send_local_response,
  stream_context,
  WasmResultValues,
} from "meshwright/proxy-runtime";

function pair(name: string, value: string): HeaderPair {
  return new HeaderPair(String.UTF8.encode(name), String.UTF8.encode(value));
}

class CalloutRoot extends RootContext {
  answers: u32 = 0;

  createContext(context_id: u32): Context {
    return new Callout(context_id, this);
  }
}

class Callout extends Context {
  private root: CalloutRoot;
  private allowed: bool = false;
  private verdict: string = "";

  constructor(context_id: u32, root_context: CalloutRoot) {
    super(context_id, root_context);
    this.root = root_context;
  }

  onRequestHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const request = stream_context.headers.request;
    const cluster = request.get("x-ask");
    this.allowed = cluster == "";
    if (this.allowed) return FilterHeadersStatusValues.Continue;
    const headers: Headers = [
      pair(":method", "POST"),
      pair(":path", "/verdict"),
      pair(":authority", "judge"),
      pair("x-user", request.get("x-user")),
    ];
    const body = String.UTF8.encode("may " + request.get("x-user") + " pass?");
    const result = this.root_context.httpCall(
      cluster,
      headers,
      body,
      [],
      500,
      this,
      (origin_context: Context, headers: u32, body_size: usize, trailers: u32) => {
        (origin_context as Callout).judged(headers, body_size);
      },
    );
    if (result != WasmResultValues.Ok) {
      log(LogLevelValues.warn, "callout refused: " + result.toString());
      send_local_response(500, "callout refused", new ArrayBuffer(0), [], GrpcStatusValues.Internal);
    }
    return FilterHeadersStatusValues.StopIteration;
  }

  onRequestBody(body_buffer_length: usize, end_of_stream: bool): FilterDataStatusValues {
    return this.allowed ? FilterDataStatusValues.Continue : FilterDataStatusValues.StopIterationAndWatermark;
  }

  onRequestTrailers(a: u32): FilterTrailersStatusValues {
    return this.allowed ? FilterTrailersStatusValues.Continue : FilterTrailersStatusValues.StopIteration;
  }

  onResponseHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-verdict", this.verdict);
    stream_context.headers.response.add("x-answers", this.root.answers.toString());
    return FilterHeadersStatusValues.Continue;
  }

  judged(headers: u32, body_size: usize): void {
    this.root.answers++;
    const judge = stream_context.headers.http_callback;
    this.verdict =
      headers == 0
        ? "failed"
        : judge.get(":status") + " " + judge.get("x-reason") + " " + body_size.toString();
    if (headers != 0 && judge.get(":status") == "200") {
      this.allowed = true;
      stream_context.headers.request.add("x-allowed", judge.get("x-reason"));
      continue_request();
    } else {
      send_local_response(
        403,
        "judge said no",
        String.UTF8.encode("no: " + this.verdict),
        [pair("x-judged", "1")],
        GrpcStatusValues.PermissionDenied,
      );
    }
  }
}

registerRootContext((context_id: u32) => {
  return new CalloutRoot(context_id);
}, "probe");
