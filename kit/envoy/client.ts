// An HTTP client for tests. It sends headers and the pieces of a body exactly as they are given,
// and shows the answer as it came.

import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { isIP } from "node:net";
import type { Readable } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import { MeshwrightError } from "../../envoy/errors.js";
import { isOnePiece, piecesOf } from "../body-pieces.js";
import type { ClientRequest, ClientResponse, HeaderList } from "../traffic.js";
import { writePieces } from "./pieces.js";
import { firstValue, grouped, pairs } from "./raw-headers.js";

/** TLS on the client's side. All fields are PEM. */
export interface ClientTls {
  /** The authority that must have signed the server's certificate. */
  readonly ca: string | Buffer;
  /** The client's own certificate and its key, for a server that asks for one. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name that the server's certificate must contain. Default: the URL's host. */
  readonly serverName?: string;
}

export interface SendOptions extends ClientRequest {
  /** `http2` is HTTP/2 by prior knowledge, or with TLS by ALPN. Default: `http1`. */
  readonly protocol?: "http1" | "http2";
  /** Required for an `https` URL. */
  readonly tls?: ClientTls;
  /**
   * How long the whole answer may take, in milliseconds. Default: 20,000, since a test that hangs
   * gives no reason.
   */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 20_000;
/** Far above Node's own limits, so that a test meets Envoy's. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024 - 1;
/** Error codes of a stream or a connection that the other side ended. */
const RESETS = new Set([
  "ECONNRESET",
  "EPIPE",
  "ERR_HTTP2_STREAM_ERROR",
  "ERR_HTTP2_STREAM_CANCEL",
  "ERR_HTTP2_SESSION_ERROR",
]);

/**
 * Sends one request on a connection of its own. `path` replaces the URL's path and is sent
 * unchanged. With HTTP/2 Node sends names in lower case, and repeats of a name together.
 * @throws MeshwrightError `usage` when `url` is not an HTTP URL; Node's own error when there is no
 * connection; Error when the whole answer does not come in time
 */
export async function send(url: string, options: SendOptions = {}): Promise<ClientResponse> {
  const sendIn = options.protocol === "http2" ? sendHttp2 : sendHttp1;
  try {
    return await sendIn(urlOf(url), options);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ABORT_ERR") throw cause;
    const { path = "", timeoutMs = TIMEOUT_MS } = options;
    throw new Error(
      `no whole answer to ${methodOf(options)} ${url}${path} in ${timeoutMs} ms: does a filter hold it back, or an upstream?`,
      { cause },
    );
  }
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new MeshwrightError("usage", `"${text}" is not an HTTP URL: give one such as http://127.0.0.1:8080`);
}

/** The name or address, which for IPv6 a URL has in brackets. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function methodOf({ method, body }: SendOptions): string {
  return method ?? (body === undefined ? "GET" : "POST");
}

async function sendHttp1(url: URL, options: SendOptions): Promise<ClientResponse> {
  const { path = url.pathname + url.search, headers = [], body, trailers = [] } = options;
  const { request: start } = url.protocol === "https:" ? https : http;
  const request = start({
    host: hostOf(url),
    port: url.port,
    method: methodOf(options),
    path,
    // A flat list keeps order and repeats. Node then adds no header of its own.
    headers: [...addedHeaders(url, options), ...headers].flat() as unknown as http.OutgoingHttpHeaders,
    agent: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
    ...tlsOf(url, options),
  });
  // An answer that comes before the whole body was taken counts as the answer. An error before it
  // still ends the wait below.
  request.on("error", () => {});
  const answered = once(request, "response") as Promise<[http.IncomingMessage]>;
  // The answer shows when the server takes no more of the body.
  writeBody(request, body, trailers).catch(() => {});
  try {
    const [response] = await answered;
    return await received(response, response.statusCode ?? 0, pairs(response.rawHeaders), () =>
      pairs(response.rawTrailers),
    );
  } catch (error) {
    if (!isReset(error)) throw error;
    return clientResponse({ status: 0, headers: [], body: "", trailers: [], end: "reset" });
  } finally {
    request.destroy();
  }
}

/** The headers that the protocol requires in addition to the given ones. */
function addedHeaders(url: URL, { headers = [], body, trailers }: SendOptions): HeaderList {
  const given = (name: string) => firstValue(headers, name) !== undefined;
  const added: [string, string][] = given("host") ? [] : [["host", url.host]];
  if (given("content-length") || given("transfer-encoding")) return added;
  if (trailers !== undefined && trailers.length > 0 && !given("trailer")) {
    added.push(["trailer", trailers.map(([name]) => name).join(", ")]);
  }
  if (trailers !== undefined || (body !== undefined && !isOnePiece(body))) {
    added.push(["transfer-encoding", "chunked"]);
  } else if (body !== undefined) {
    added.push(["content-length", String(Buffer.from(body as string).length)]);
  }
  return added;
}

async function writeBody(
  request: http.ClientRequest,
  body: SendOptions["body"],
  trailers: HeaderList,
): Promise<void> {
  // Without this Node sends the headers with the first piece, or at the end.
  if (body !== undefined && !isOnePiece(body)) request.flushHeaders();
  // The body is written as bytes, because Node joins a body of text with the headers and then
  // encodes both as UTF-8.
  await writePieces(request, piecesOf(body), "http1");
  if (trailers.length > 0)
    request.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
  request.end();
}

async function sendHttp2(url: URL, options: SendOptions): Promise<ClientResponse> {
  const { body, trailers = [], timeoutMs = TIMEOUT_MS } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  const session = http2.connect(url.origin, {
    maxSendHeaderBlockLength: MAX_HEADER_BYTES,
    ...tlsOf(url, options),
  });
  try {
    await connected(session, signal);
    const waitForTrailers = trailers.length > 0;
    const stream = session.request(http2Headers(url, options), {
      endStream: body === undefined && !waitForTrailers,
      waitForTrailers,
      signal,
    });
    stream.on("error", () => {});
    stream.on("wantTrailers", () => stream.sendTrailers(grouped(trailers)));
    let late: HeaderList = [];
    stream.on("trailers", (_headers: unknown, _flags: unknown, raw: string[]) => {
      late = pairs(raw);
    });
    const answered = http2Answer(stream);
    writePieces(stream, piecesOf(body), "http2").then(
      () => stream.end(),
      () => {},
    );
    const raw = await answered;
    if (raw === undefined) {
      return clientResponse({ status: 0, headers: [], body: "", trailers: [], end: "reset" });
    }
    const status = Number(firstValue(raw, ":status"));
    const headers = raw.filter(([name]) => !name.startsWith(":"));
    const response = await received(stream, status, headers, () => late);
    // For a stream that was reset with CANCEL Node reports only an end.
    return stream.rstCode === http2.constants.NGHTTP2_NO_ERROR ? response : { ...response, end: "reset" };
  } finally {
    session.destroy();
  }
}

/** A failed connection is an error of its own, not the reset of a request. */
async function connected(session: http2.ClientHttp2Session, signal: AbortSignal): Promise<void> {
  await once(session, "connect", { signal });
  session.on("error", () => {});
}

function http2Headers(url: URL, options: SendOptions): http2.OutgoingHttpHeaders {
  const { path = url.pathname + url.search, headers = [] } = options;
  const lowerCase = headers.map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  return {
    ":method": methodOf(options),
    ":path": path,
    ":scheme": url.protocol.slice(0, -1),
    ":authority": firstValue(lowerCase, "host") ?? url.host,
    ...grouped(lowerCase.filter(([name]) => name !== "host")),
  };
}

/** The response's headers with `:status`; `undefined` when the stream was reset before them. */
function http2Answer(stream: http2.ClientHttp2Stream): Promise<HeaderList | undefined> {
  return new Promise((resolve, reject) => {
    stream.on("response", (_headers: unknown, _flags: unknown, raw: string[]) => resolve(pairs(raw)));
    stream.on("error", (error) => (isReset(error) ? resolve(undefined) : reject(error)));
    stream.on("close", () => resolve(undefined));
  });
}

async function received(
  stream: Readable,
  status: number,
  headers: HeaderList,
  trailers: () => HeaderList,
): Promise<ClientResponse> {
  const chunks: Buffer[] = [];
  let end: ClientResponse["end"] = "whole";
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch (error) {
    if (!isReset(error)) throw error;
    end = "reset";
  }
  const body = Buffer.concat(chunks).toString("utf8");
  return clientResponse({ status, headers, body, trailers: trailers(), end });
}

function clientResponse(parts: Omit<ClientResponse, "header">): ClientResponse {
  return { ...parts, header: (name) => firstValue(parts.headers, name) };
}

function isReset(error: unknown): boolean {
  return RESETS.has((error as NodeJS.ErrnoException).code ?? "");
}

function tlsOf(url: URL, { tls }: SendOptions): ConnectionOptions {
  if (url.protocol !== "https:") return {};
  if (tls === undefined)
    throw new Error(`${url.origin} speaks TLS: say in "tls" whose certificates to trust`);
  const { serverName = hostOf(url), ...files } = tls;
  // Without a name Node checks the certificate against the host's address.
  return { ...files, ...(isIP(serverName) === 0 ? { servername: serverName } : {}) };
}
