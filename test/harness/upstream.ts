// A real HTTP server to stand behind Envoy in a test: it records what reaches it and answers what the test says.
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { grouped, pairs, type RawHeader } from "./raw-headers.js";

/** What reached the upstream. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  /** In their order, repeats included; with HTTP/2 the pseudo-headers too. */
  readonly headers: readonly RawHeader[];
  readonly body: string;
}

/** What it answers. */
export interface UpstreamResponse {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: readonly RawHeader[];
  readonly body?: string;
  /** How long it waits before it answers, in milliseconds. Default: 0. */
  readonly delayMs?: number;
}

export interface UpstreamOptions {
  /** Default: `upstream`. */
  readonly name?: string;
  /** What it speaks; `http2` is HTTP/2 without TLS, by prior knowledge. Default: `http1`. */
  readonly protocol?: "http1" | "http2";
  /** Default: 200, with the upstream's name and the request's headers as JSON: `{"upstream": …, "headers": [[name, value], …]}`. */
  readonly respond?: (request: RecordedRequest) => UpstreamResponse | Promise<UpstreamResponse>;
}

export interface Upstream extends AsyncDisposable {
  readonly name: string;
  readonly protocol: "http1" | "http2";
  /** On 127.0.0.1. */
  readonly port: number;
  /** Every request so far, the oldest first; it grows while the upstream runs. */
  readonly requests: readonly RecordedRequest[];
}

/** Far above what Envoy lets through, so that a test of large headers meets Envoy's limits and not the server's. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024 - 1;
const MAX_HEADERS = 1_000_000;

/** Starts a server on a free port of 127.0.0.1. Disposing of it drops its connections. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const { name = "upstream", protocol = "http1" } = options;
  const requests: RecordedRequest[] = [];
  const respond =
    options.respond ??
    ((request: RecordedRequest): UpstreamResponse => ({
      headers: [["content-type", "application/json"]],
      body: JSON.stringify({ upstream: name, headers: request.headers }),
    }));
  const server = createServer(protocol, (request, response) => {
    handle(request, response, requests, respond).catch((cause: unknown) => {
      // A test's `respond` that throws must show in the test, not only end the connection.
      if (!response.headersSent) response.writeHead(500, { "x-upstream-error": "respond" });
      response.end(`upstream ${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
    });
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    name,
    protocol,
    port: (server.address() as AddressInfo).port,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** What the two protocols' requests and responses have in common in Node. */
type Request = Pick<http.IncomingMessage, "method" | "url" | "rawHeaders"> & AsyncIterable<Buffer>;
interface Response {
  readonly headersSent: boolean;
  statusCode: number;
  setHeader(name: string, value: string | string[]): unknown;
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body: string | Buffer): unknown;
}
type Handler = (request: Request, response: Response) => void;

function createServer(protocol: "http1" | "http2", handler: Handler): Server {
  if (protocol === "http2") {
    return http2.createServer(
      { maxHeaderListPairs: MAX_HEADERS, settings: { maxHeaderListSize: MAX_HEADER_BYTES } },
      handler,
    );
  }
  const server = http.createServer({ maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: 0 }, handler);
  server.maxHeadersCount = 0;
  return server;
}

async function handle(
  request: Request,
  response: Response,
  requests: RecordedRequest[],
  respond: NonNullable<UpstreamOptions["respond"]>,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const recorded: RecordedRequest = {
    method: request.method ?? "",
    path: request.url ?? "",
    headers: pairs(request.rawHeaders),
    body: Buffer.concat(chunks).toString("utf8"),
  };
  requests.push(recorded);
  const { status = 200, headers = [], body = "", delayMs = 0 } = await respond(recorded);
  if (delayMs > 0) await sleep(delayMs);
  response.statusCode = status;
  for (const [headerName, values] of grouped(headers)) response.setHeader(headerName, values);
  // As bytes: Node writes a body that is text together with the headers, and then those as UTF-8 too.
  response.end(Buffer.from(body));
}
