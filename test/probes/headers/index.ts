// A filter for the tests of header maps in stock Envoy. It does what the request's `x-do` header
// says.

import {
  Bytes,
  encodePairs,
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  HeaderMap,
  HttpContext,
  httpCallHeaders,
  httpCallTrailers,
  RootContext,
  registerRootContext,
  requestHeaders,
  requestTrailers,
  responseHeaders,
  responseTrailers,
} from "../../../assembly";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_body,
  proxy_on_request_headers,
  proxy_on_request_trailers,
  proxy_on_response_body,
  proxy_on_response_headers,
  proxy_on_response_trailers,
} from "../../../assembly/exports/stream";

const DO = Bytes.of("x-do");
const SAW = Bytes.of("x-saw");
const END = Bytes.of("x-end");
const OTHER = Bytes.of("x-other");
const NEW = Bytes.of("x-new");
const VALUE = Bytes.of("value");
const EMPTY = Bytes.of("");
const NEW_TRAILERS = encodePairs([NEW, Bytes.of("1"), NEW, Bytes.of("2"), Bytes.of("x-empty"), EMPTY]);
const NEW_REQUEST = encodePairs([
  Bytes.of(":method"),
  Bytes.of("PUT"),
  Bytes.of(":path"),
  Bytes.of("/new"),
  Bytes.of(":authority"),
  Bytes.of("new.example"),
  Bytes.of("x-forwarded-proto"),
  Bytes.of("http"),
  Bytes.of(":scheme"),
  Bytes.of("http"),
  NEW,
  Bytes.of("1"),
  NEW,
  Bytes.of("2"),
]);
const NEW_RESPONSE = encodePairs([Bytes.of(":status"), Bytes.of("203"), NEW, VALUE]);

function repeated(count: i32, value: Bytes): Bytes {
  const pairs = new StaticArray<Bytes>(count * 2);
  for (let i = 0; i < count; i++) {
    pairs[i * 2] = NEW;
    pairs[i * 2 + 1] = value;
  }
  return encodePairs(pairs);
}

function shown(value: Bytes | null): string {
  return value ? value.toString() : "null";
}

class Probe extends HttpContext {
  private command: string = "";
  private saw: string = "";

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    this.command = shown(requestHeaders.get(DO));
    if (this.command == "replace-all") this.note(requestHeaders.replaceAll(NEW_REQUEST));
    if (this.command == "too-many") this.note(requestHeaders.replaceAll(repeated(1025, VALUE)));
    if (this.command == "too-large") {
      this.note(requestHeaders.replaceAll(repeated(1, Bytes.owned(1024 * 1024))));
    }
    if (this.command == "not-encoded") this.note(requestHeaders.replaceAll(EMPTY));
    if (this.command == "remove-path") this.note(requestHeaders.remove(Bytes.of(":path")));
    if (this.command == "remove-method") this.note(requestHeaders.remove(Bytes.of(":method")));
    if (this.command == "remove-authority") this.note(requestHeaders.remove(Bytes.of(":authority")));
    if (this.command == "sizes") this.sizes();
    if (this.command == "absent") this.absent();
    return FilterHeadersStatus.Continue;
  }

  onRequestBody(size: u32, endOfStream: bool): FilterDataStatus {
    if (this.command == "request-later") this.saw += `${shown(requestHeaders.get(DO))} `;
    if (this.command == "add-trailers") this.addTo(requestTrailers, endOfStream);
    return FilterDataStatus.Continue;
  }

  onRequestTrailers(trailers: u32): FilterTrailersStatus {
    this.saw += `${trailers} `;
    this.edit(requestTrailers);
    return FilterTrailersStatus.Continue;
  }

  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    if (this.command == "request-later") this.saw += `${shown(requestHeaders.get(DO))} `;
    if (this.command == "replace-response") this.note(responseHeaders.replaceAll(NEW_RESPONSE));
    if (this.command == "remove-status") this.note(responseHeaders.remove(Bytes.of(":status")));
    responseHeaders.add(SAW, Bytes.of(this.saw.trim()));
    return FilterHeadersStatus.Continue;
  }

  onResponseBody(size: u32, endOfStream: bool): FilterDataStatus {
    if (this.command == "add-trailers") this.addTo(responseTrailers, endOfStream);
    return FilterDataStatus.Continue;
  }

  onResponseTrailers(trailers: u32): FilterTrailersStatus {
    this.edit(responseTrailers);
    return FilterTrailersStatus.Continue;
  }

  private edit(map: HeaderMap): void {
    if (this.command == "read")
      this.note(map.add(OTHER, Bytes.of(shown(map.get(END)) + shown(map.get(NEW)))));
    if (this.command == "replace") this.note(map.replace(END, VALUE));
    if (this.command == "remove") this.note(map.remove(END));
    if (this.command == "replace-trailers") this.note(map.replaceAll(NEW_TRAILERS));
    if (this.command == "size-trailers") this.note(map.byteSize());
  }

  private addTo(map: HeaderMap, endOfStream: bool): void {
    if (endOfStream) this.note(map.add(NEW, VALUE));
    else this.saw += map.add(NEW, VALUE) == 0 ? "early! " : "";
  }

  private sizes(): void {
    const before = requestHeaders.byteSize();
    requestHeaders.add(NEW, VALUE);
    this.saw = `${requestHeaders.byteSize() - before}`;
  }

  /** Reports the maps that this callback does not have. */
  private absent(): void {
    const maps = [requestTrailers, responseHeaders, responseTrailers, httpCallHeaders, httpCallTrailers];
    for (let i = 0; i < maps.length; i++) {
      const map = maps[i];
      const pairs = map.pairs();
      const isEmpty = !pairs || !pairs.next();
      this.saw += `${shown(map.get(NEW))}/${isEmpty}/${map.byteSize()}/${map.add(NEW, VALUE)}`;
      this.saw += `/${map.replaceAll(NEW_TRAILERS)}/${map.remove(NEW)} `;
    }
  }

  private note(status: u32): void {
    this.saw += `=${status} `;
  }
}

class ProbeRoot extends RootContext {
  createHttpContext(): HttpContext {
    return new Probe();
  }
}

registerRootContext((id: u32) => new ProbeRoot(id));
