// An HTTP client for tests: it sends headers as they are given, or the very bytes, and shows the answer as it came.
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { connect } from "node:net";
import { grouped, pairs, type RawHeader } from "./raw-headers.js";

export interface SendOptions {
  /** Default: `GET`. */
  readonly method?: string;
  /** In place of the URL's; sent as it is, so that it may be one that a URL would tidy up. */
  readonly path?: string;
  /**
   * In this order, repeats included (HTTP/2 puts repeats of a name together); a value's characters are its bytes (latin1).
   * `host` stands for `:authority` with HTTP/2. Header names go out in lower case with HTTP/2.
   */
  readonly headers?: readonly RawHeader[];
  readonly body?: string;
  /** `http2` is HTTP/2 without TLS, by prior knowledge. Default: `http1`. */
  readonly protocol?: "http1" | "http2";
}

export interface ClientResponse {
  readonly status: number;
  /** In their order, repeats included, without pseudo-headers; a value's characters are its bytes (latin1). */
  readonly headers: readonly RawHeader[];
  readonly body: string;
  /** The first value of a header, whatever the case of its name. */
  header(name: string): string | undefined;
}

/** No answer in this time is an error: a test that hangs says nothing. */
const TIMEOUT_MS = 20_000;
/** Far above Node's own limits, so that it is Envoy's that a test meets. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024 - 1;

/**
 * Sends one request on a connection of its own.
 * @throws what Node throws when the connection fails, or when no whole answer came in 20 seconds
 */
export function send(url: string, options: SendOptions = {}): Promise<ClientResponse> {
  return options.protocol === "http2" ? sendHttp2(new URL(url), options) : sendHttp1(new URL(url), options);
}

async function sendHttp1(url: URL, options: SendOptions): Promise<ClientResponse> {
  const { method = "GET", path = url.pathname + url.search, headers = [], body } = options;
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const added: RawHeader[] = given.has("host") ? [] : [["host", url.host]];
  if (body !== undefined && !given.has("content-length")) {
    added.push(["content-length", String(Buffer.byteLength(body))]);
  }
  const request = http.request({
    host: url.hostname,
    port: url.port,
    method,
    path,
    // A flat list keeps order and repeats. Node adds no header of its own to it.
    headers: [...added, ...headers].flat() as unknown as http.OutgoingHttpHeaders,
    agent: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  // An answer that comes before the whole body was taken is an answer; an error before it still ends the wait below.
  request.on("error", () => {});
  // As bytes: Node writes a body that is text together with the headers, and then those as UTF-8 too.
  request.end(body === undefined ? undefined : Buffer.from(body));
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const text = await readAll(response);
  return clientResponse(response.statusCode ?? 0, pairs(response.rawHeaders), text);
}

async function sendHttp2(url: URL, options: SendOptions): Promise<ClientResponse> {
  const { method = "GET", path = url.pathname + url.search, headers = [], body } = options;
  const session = http2.connect(url.origin, { maxSendHeaderBlockLength: MAX_HEADER_BYTES });
  try {
    // A failed connection shows in the stream too, which is where it is waited for.
    session.on("error", () => {});
    const lowerCase = headers.map(([name, value]): RawHeader => [name.toLowerCase(), value]);
    const authority = lowerCase.find(([name]) => name === "host")?.[1] ?? url.host;
    const stream = session.request(
      {
        ":method": method,
        ":path": path,
        ":authority": authority,
        ...Object.fromEntries(grouped(lowerCase.filter(([name]) => name !== "host"))),
      },
      { endStream: body === undefined, signal: AbortSignal.timeout(TIMEOUT_MS) },
    );
    stream.on("error", () => {});
    if (body !== undefined) stream.end(body);
    const [, , raw] = (await once(stream, "response")) as [unknown, unknown, string[]];
    const text = await readAll(stream);
    const all = pairs(raw);
    const status = Number(all.find(([name]) => name === ":status")?.[1]);
    return clientResponse(
      status,
      all.filter(([name]) => !name.startsWith(":")),
      text,
    );
  } finally {
    session.destroy();
  }
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function clientResponse(status: number, headers: readonly RawHeader[], body: string): ClientResponse {
  return {
    status,
    headers,
    body,
    header: (name) => headers.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1],
  };
}

/**
 * Sends what no HTTP client would, such as header values with NUL or broken UTF-8. It sends the bytes to a port of 127.0.0.1 and returns all that comes back (latin1) until the peer closes, or until one
 * response is whole by its `content-length` or its last chunk; an empty string when it closes without an answer.
 * @throws Error when neither happens within 20 seconds, or the port does not answer
 */
export async function rawHttp1(port: number, bytes: Buffer): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    socket.write(bytes);
    return await new Promise<string>((resolve, reject) => {
      let received = "";
      socket.setEncoding("latin1");
      socket.setTimeout(TIMEOUT_MS, () =>
        reject(new Error(`no whole answer in ${TIMEOUT_MS} ms: ${received}`)),
      );
      socket.on("data", (chunk: string) => {
        received += chunk;
        if (isWhole(received)) resolve(received);
      });
      // A reset is an answer too: what matters is what came before it.
      socket.on("error", () => resolve(received));
      socket.on("close", () => resolve(received));
    });
  } finally {
    socket.destroy();
  }
}

function isWhole(received: string): boolean {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const head = received.slice(0, end).toLowerCase();
  const body = received.slice(end + 4);
  const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
  if (length !== undefined) return body.length >= Number(length);
  return /\r\ntransfer-encoding: *chunked/.test(head) && /(^|\r\n)0\r\n\r\n$/.test(body);
}
