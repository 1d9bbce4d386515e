// A real HTTP server to stand behind Envoy in a test. It records what reaches it, and answers what
// the test says.

import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { isOnePiece, piecesOf } from "../body-pieces.js";
import type { UpstreamRequest, UpstreamResponse } from "../traffic.js";
import { writePieces } from "./pieces.js";
import { firstValue, grouped, pairs } from "./raw-headers.js";
import {
  type Answer,
  createServer,
  type Incoming,
  ListeningServer,
  type UpstreamTls,
} from "./upstream-server.js";

export interface UpstreamOptions {
  /** Default: `upstream`. */
  readonly name?: string;
  /** Its protocol. `http2` is HTTP/2 by prior knowledge, or with TLS by ALPN. Default: `http1`. */
  readonly protocol?: "http1" | "http2";
  /** Default: no TLS. Envoy must know of it through `upstreamTls` of `startEnvoy`. */
  readonly tls?: UpstreamTls;
  /**
   * The address on which it listens. Default: 127.0.0.1. Use `0.0.0.0` for an Envoy in a container
   * that has its own network on Linux.
   */
  readonly address?: string;
  /**
   * The answer to each request. Default: 200, with the upstream's name and the request's headers as
   * JSON: `{"upstream": …, "headers": [[name, value], …]}`.
   */
  readonly respond?: (request: UpstreamRequest) => UpstreamResponse | Promise<UpstreamResponse>;
}

/** A running upstream. Disposing of it drops its connections. */
export interface Upstream extends AsyncDisposable {
  readonly name: string;
  readonly protocol: "http1" | "http2";
  /** The port stays the same when the upstream is stopped and started again. */
  readonly port: number;
  /** Whether it speaks TLS. */
  readonly secure: boolean;
  /** Every complete request so far, the oldest first. The list grows while the upstream runs. */
  readonly requests: readonly UpstreamRequest[];
  /** Drops its connections and refuses new ones until `start`. */
  stop(): Promise<void>;
  /** Listens again on the same port. Rejects when another program has taken it. */
  start(): Promise<void>;
}

type Respond = NonNullable<UpstreamOptions["respond"]>;

/** Starts a server on a free port. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const { name = "upstream", protocol = "http1", tls } = options;
  const requests: UpstreamRequest[] = [];
  const respond = options.respond ?? defaultRespond(name);
  const server = createServer({ protocol, tls }, (incoming, answer) => {
    handle(incoming, answer, { protocol, requests, respond }).catch((cause: unknown) => {
      if (answer.isGone()) return;
      // An error that a test's `respond` throws must show in the test, and not only end the
      // connection.
      if (!answer.headersSent) answer.writeHead(500, { "x-upstream-error": "respond" });
      answer.end(`upstream ${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
    });
  });
  const listening = await ListeningServer.start(server, options.address ?? "127.0.0.1");
  return {
    name,
    protocol,
    port: listening.port,
    secure: tls !== undefined,
    requests,
    stop: () => listening.stop(),
    start: () => listening.start(),
    [Symbol.asyncDispose]: () => listening.stop(),
  };
}

function defaultRespond(name: string): Respond {
  return ({ headers }) => ({
    headers: [["content-type", "application/json"]],
    body: JSON.stringify({ upstream: name, headers }),
  });
}

interface Behaviour {
  readonly protocol: "http1" | "http2";
  readonly requests: UpstreamRequest[];
  readonly respond: Respond;
}

async function handle(incoming: Incoming, answer: Answer, behaviour: Behaviour): Promise<void> {
  const request = await readRequest(incoming);
  behaviour.requests.push(request);
  const response = await behaviour.respond(request);
  // An answer that is still due when the test is over keeps no process alive.
  if ((response.delayMs ?? 0) > 0) await sleep(response.delayMs, undefined, { ref: false });
  if (response.fault === "never") return;
  if (response.fault === "reset") return answer.breakOff();
  await send(answer, response, behaviour.protocol);
}

async function readRequest(incoming: Incoming): Promise<UpstreamRequest> {
  const headers = pairs(incoming.rawHeaders);
  // This is asked first, since a connection that has ended no longer has it.
  const clientCertificate = commonName(incoming.socket as Partial<TLSSocket>);
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return {
    method: incoming.method ?? "",
    path: incoming.url ?? "",
    headers,
    body: Buffer.concat(chunks).toString("utf8"),
    trailers: pairs(incoming.rawTrailers),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    header: (name) => firstValue(headers, name),
  };
}

function commonName(socket: Partial<TLSSocket>): string | undefined {
  const name = socket.getPeerCertificate?.()?.subject?.CN;
  return Array.isArray(name) ? name[0] : name;
}

async function send(answer: Answer, response: UpstreamResponse, protocol: "http1" | "http2"): Promise<void> {
  const { status = 200, headers = [], body = "", trailers = [], pieceDelayMs, fault } = response;
  answer.statusCode = status;
  for (const [name, values] of Object.entries(grouped(headers))) answer.setHeader(name, values);
  const pieces = piecesOf(body);
  // The body is written as bytes, because Node joins a body of text with the headers and then
  // encodes both as UTF-8.
  if (isOnePiece(body) && trailers.length === 0 && fault === undefined) {
    answer.end(pieces[0] ?? "");
    return;
  }
  // HTTP/1.1 announces the name of each trailer, and sends the body in chunks.
  if (protocol === "http1" && trailers.length > 0 && firstValue(headers, "trailer") === undefined) {
    answer.setHeader("trailer", trailers.map(([name]) => name).join(", "));
  }
  answer.flushHeaders();
  await writePieces(answer, pieces, protocol, pieceDelayMs);
  if (fault === "reset-in-body") return answer.breakOff();
  if (trailers.length > 0) answer.addTrailers(grouped(trailers));
  answer.end();
}
