// A filter for the tests of bodies in stock Envoy. `x-request` and `x-response` say what it does
// with the two bodies.
//
// A command is words with spaces between them. The first word says when: `hold` (once the whole
// body is there), `watermark` (the same, held by the watermark), `each` (with each piece), `last`
// (with the last piece) or `late` (in the response). Then `window N` may hide N bytes. Then follows
// `append`, `prepend` or `replace` and a text, `clear`, `size`, `read START MAX`, `grow SIZE`, or
// `report`, which replaces the body with what was seen. `limit N` alone takes bodies up to that
// size.

import {
  BodyBuffer,
  BodyProgress,
  Bytes,
  bodyProgress,
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  HttpContext,
  RootContext,
  registerRootContext,
  requestBody,
  requestHeaders,
  responseBody,
  responseHeaders,
  sendLocalReply,
} from "../../../assembly";
import { linkBundle } from "../../../assembly/bundle-link";
import { BodyWindow } from "./window";

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

const window = new BodyWindow();
linkBundle(window);

const REQUEST = Bytes.of("x-request");
const RESPONSE = Bytes.of("x-response");
const SAW = Bytes.of("x-saw");
const LENGTH = Bytes.of("content-length");
const EMPTY = Bytes.of("");
const TOO_LARGE = Bytes.of("over the limit");

/** The command of one direction, and what the direction saw. */
class Direction {
  private words: Array<string> = [];
  saw: string = "";

  constructor(private readonly buffer: BodyBuffer) {}

  setUp(command: Bytes | null): void {
    this.words = command ? command.toString().split(" ") : [];
  }

  get told(): bool {
    return this.words.length > 0;
  }

  private does(word: string): bool {
    return this.words.length > 0 && this.words[0] == word;
  }

  onBody(size: u32, endOfStream: bool): FilterDataStatus {
    this.saw += `${size}${endOfStream ? "!" : ""} `;
    if (size != this.buffer.size()) this.saw += `(${this.buffer.size()}) `;
    if (this.does("limit")) return this.limited(size, endOfStream, <u32>parseInt(this.words[1], 10));
    if ((endOfStream && !this.does("late")) || this.does("each")) this.act();
    if (this.does("watermark") && !endOfStream) return FilterDataStatus.StopIterationAndWatermark;
    return this.does("hold") && !endOfStream
      ? FilterDataStatus.StopIterationAndBuffer
      : FilterDataStatus.Continue;
  }

  onTrailers(): void {
    this.saw += `trailers(${this.buffer.size()}) `;
    this.act();
  }

  /** Acts after the body, in the response. */
  late(): void {
    if (this.does("late")) this.act();
  }

  private limited(size: u32, endOfStream: bool, limit: u32): FilterDataStatus {
    const progress = bodyProgress(size, endOfStream, limit);
    if (progress == BodyProgress.More) return FilterDataStatus.StopIterationAndBuffer;
    if (progress == BodyProgress.Whole) return FilterDataStatus.Continue;
    sendLocalReply(413, TOO_LARGE, EMPTY);
    return FilterDataStatus.StopIterationNoBuffer;
  }

  act(): void {
    let at = 1;
    if (at < this.words.length && this.words[at] == "window") {
      window.size = <u32>parseInt(this.words[at + 1], 10);
      at += 2;
    }
    if (at < this.words.length) this.run(this.words[at], this.words.slice(at + 1));
    window.size = 0;
  }

  private run(verb: string, rest: Array<string>): void {
    const text = Bytes.of(rest.join(" "));
    const buffer = this.buffer;
    if (verb == "append") this.note(buffer.append(text));
    if (verb == "prepend") this.note(buffer.prepend(text));
    if (verb == "replace") this.note(buffer.replace(text));
    if (verb == "clear") this.note(buffer.clear());
    if (verb == "size") this.note(buffer.size());
    if (verb == "grow") this.note(buffer.replace(Bytes.owned(<i32>parseInt(rest[0], 10))));
    if (verb == "read") this.read(<u32>parseInt(rest[0], 10), <u32>parseInt(rest[1], 10));
    if (verb == "report") buffer.replace(Bytes.of(this.saw));
  }

  private note(status: u32): void {
    this.saw += `=${status} `;
  }

  private read(start: u32, max: u32): void {
    const bytes = this.buffer.read(start, max);
    this.saw += bytes ? `"${bytes.toString()}" ` : "null ";
  }
}

class Probe extends HttpContext {
  private readonly request: Direction = new Direction(requestBody);
  private readonly response: Direction = new Direction(responseBody);

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    this.request.setUp(requestHeaders.get(REQUEST));
    this.response.setUp(requestHeaders.get(RESPONSE));
    if (this.request.told) requestHeaders.remove(LENGTH);
    if (endOfStream) this.request.act();
    return FilterHeadersStatus.Continue;
  }

  onRequestBody(size: u32, endOfStream: bool): FilterDataStatus {
    return this.request.onBody(size, endOfStream);
  }

  onRequestTrailers(trailers: u32): FilterTrailersStatus {
    this.request.onTrailers();
    return FilterTrailersStatus.Continue;
  }

  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    if (this.response.told) responseHeaders.remove(LENGTH);
    this.request.late();
    responseHeaders.add(SAW, Bytes.of(this.request.saw.trim()));
    return FilterHeadersStatus.Continue;
  }

  onResponseBody(size: u32, endOfStream: bool): FilterDataStatus {
    return this.response.onBody(size, endOfStream);
  }

  onResponseTrailers(trailers: u32): FilterTrailersStatus {
    this.response.onTrailers();
    return FilterTrailersStatus.Continue;
  }
}

class ProbeRoot extends RootContext {
  createHttpContext(): HttpContext {
    return new Probe();
  }
}

registerRootContext((id: u32) => new ProbeRoot(id));
