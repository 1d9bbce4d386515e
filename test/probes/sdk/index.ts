// A filter for the tests of the SDK in stock Envoy. It does what the request's `x-do` header says.

import {
  Bytes,
  encodePairs,
  FilterHeadersStatus,
  getProperty,
  HttpContext,
  LogLevel,
  log,
  logEnabled,
  NO_GRPC_STATUS,
  propertyPath,
  RootContext,
  randomBelow,
  registerRootContext,
  requestHeaders,
  responseHeaders,
  sendLocalReply,
} from "../../../assembly";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../../assembly/exports/stream";

const DO = Bytes.of("x-do");
const SAW = Bytes.of("x-saw");
const STREAM = Bytes.of("x-stream");
const REQUEST_ID = Bytes.of("x-request-id");
const REPLY_HEADERS = encodePairs([Bytes.of("x-one"), Bytes.of("1"), Bytes.of("x-empty"), Bytes.of("")]);
const DETAILS = Bytes.of("probe said no");
const BODY = Bytes.of("no\n");
const PATH = propertyPath(["request", "path"]);
const MISSING = propertyPath(["request", "no", "such", "property"]);
const NOTHING = Bytes.of("(null)");

class Probe extends HttpContext {
  private requestId: Bytes | null = null;
  private saw: Bytes = NOTHING;

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const id = requestHeaders.get(REQUEST_ID);
    this.requestId = id ? id.copy() : null;
    const command = requestHeaders.get(DO);
    return command ? this.obey(command.toString()) : FilterHeadersStatus.Continue;
  }

  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const id = this.requestId;
    if (id) responseHeaders.add(STREAM, id);
    responseHeaders.add(SAW, this.saw);
    return FilterHeadersStatus.Continue;
  }

  onRecycle(): bool {
    this.requestId = null;
    this.saw = NOTHING;
    return true;
  }

  private obey(command: string): FilterHeadersStatus {
    if (command == "reply") {
      sendLocalReply(418, DETAILS, BODY, REPLY_HEADERS);
      return FilterHeadersStatus.StopIteration;
    }
    if (command == "grpc-reply") {
      sendLocalReply(200, DETAILS, BODY, null, 8);
      return FilterHeadersStatus.StopIteration;
    }
    if (command == "property") this.saw = copyOf(getProperty(PATH));
    if (command == "missing-property") this.saw = copyOf(getProperty(MISSING));
    if (command == "missing-header") this.saw = copyOf(requestHeaders.get(Bytes.of("x-nowhere")));
    if (command == "empty-header") this.saw = copyOf(requestHeaders.get(Bytes.of("x-empty")));
    if (command == "early-response") this.saw = copyOf(responseHeaders.get(DO));
    if (command == "random") this.saw = Bytes.of(randomBelow(1_000_000_000).toString());
    if (command == "levels") this.saw = Bytes.of(levels());
    if (command == "garbage") this.saw = Bytes.of(garbage().toString());
    if (command == "count") this.saw = Bytes.of(countPairs().toString());
    if (command == "trap") this.saw = [NOTHING][i32(NO_GRPC_STATUS)];
    return FilterHeadersStatus.Continue;
  }
}

function copyOf(value: Bytes | null): Bytes {
  return value ? value.copy() : NOTHING;
}

function levels(): string {
  log(LogLevel.Warn, "probe: a warning");
  log(LogLevel.Debug, "probe: a detail");
  return (logEnabled(LogLevel.Warn) ? "warn" : "") + (logEnabled(LogLevel.Debug) ? "debug" : "");
}

/** Enough strings to fill the memory of a VM that never collects. */
function garbage(): i32 {
  let text = "";
  for (let i = 0; i < 2_000; i++) text += i.toString();
  return text.length;
}

function countPairs(): i32 {
  const pairs = requestHeaders.pairs();
  if (!pairs) return -1;
  let count = 0;
  while (pairs.next()) count++;
  return count;
}

class ProbeRoot extends RootContext {
  createHttpContext(): HttpContext {
    return new Probe();
  }
}

registerRootContext((id: u32) => new ProbeRoot(id));
