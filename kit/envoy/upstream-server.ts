// The servers behind an upstream: HTTP/1.1 and HTTP/2, with and without TLS. They can be stopped
// and started again on the same port.

import { once } from "node:events";
import http from "node:http";
import http2, { type ServerHttp2Stream } from "node:http2";
import https from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";

/** The server's certificate, and whether clients must show one. All fields are PEM. */
export interface UpstreamTls {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** The authority that must have signed a client's certificate. Without it clients need none. */
  readonly clientCa?: string | Buffer;
}

/**
 * Far above what Envoy lets through, so that a test of large headers meets Envoy's limits instead
 * of the server's.
 */
const MAX_HEADER_BYTES = 16 * 1024 * 1024 - 1;
const MAX_HEADERS = 1_000_000;

/** What the requests of both protocols have in common in Node. */
export type Incoming = Pick<
  http.IncomingMessage,
  "method" | "url" | "rawHeaders" | "rawTrailers" | "socket"
> &
  AsyncIterable<Buffer>;

/** What the responses of both have in common, and a way to break one off. */
export interface Answer {
  readonly headersSent: boolean;
  statusCode: number;
  setHeader(name: string, value: string | string[]): unknown;
  writeHead(status: number, headers: Record<string, string>): unknown;
  flushHeaders(): unknown;
  write(piece: Buffer, written: (error?: Error | null) => void): unknown;
  addTrailers(trailers: Record<string, string | string[]>): unknown;
  end(body?: string | Buffer): unknown;
  /** Ends the connection (HTTP/1.1) or resets the stream with `INTERNAL_ERROR` (HTTP/2). */
  breakOff(): void;
  /** Whether the client has given the request up. */
  isGone(): boolean;
}

type Handler = (incoming: Incoming, answer: Answer) => void;

export interface ServerOptions {
  readonly protocol: "http1" | "http2";
  readonly tls: UpstreamTls | undefined;
}

/** A server that hands every request to `handler`. It does not listen yet. */
export function createServer({ protocol, tls }: ServerOptions, handler: Handler): Server {
  const secure = tls === undefined ? undefined : tlsOptions(tls);
  return protocol === "http2" ? http2Server(secure, handler) : http1Server(secure, handler);
}

interface TlsOptions {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  readonly ca?: string | Buffer;
  readonly requestCert?: true;
}

function tlsOptions({ key, cert, clientCa }: UpstreamTls): TlsOptions {
  // A client without a certificate from this authority is refused in the handshake.
  return { key, cert, ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true }) };
}

function http1Server(tls: TlsOptions | undefined, handler: Handler): Server {
  const options = { maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: 0 };
  const onRequest = (incoming: http.IncomingMessage, response: http.ServerResponse) => {
    const breakOff = () => void incoming.socket.destroy();
    const isGone = () => incoming.socket.destroyed;
    handler(incoming, Object.assign(response, { breakOff, isGone }) as unknown as Answer);
  };
  const server = tls
    ? https.createServer({ ...options, ...tls }, onRequest)
    : http.createServer(options, onRequest);
  server.maxHeadersCount = 0;
  return server;
}

function http2Server(tls: TlsOptions | undefined, handler: Handler): Server {
  const options = {
    maxHeaderListPairs: MAX_HEADERS,
    settings: { maxHeaderListSize: MAX_HEADER_BYTES },
  };
  const onRequest = (incoming: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => {
    const breakOff = () => resetStream(response.stream);
    const isGone = () => response.stream.destroyed;
    handler(incoming, Object.assign(response, { breakOff, isGone }) as unknown as Answer);
  };
  return tls
    ? http2.createSecureServer({ ...options, ...tls }, onRequest)
    : http2.createServer(options, onRequest);
}

/**
 * Resets a stream with `INTERNAL_ERROR`. Node's own `close` ends an unfinished stream as if it were
 * complete, and resets it too late.
 */
export function resetStream(stream: ServerHttp2Stream): void {
  stream.on("error", () => {});
  stream.destroy(new Error("reset by the upstream"));
}

/** A server on one port. Its connections end with it. */
export class ListeningServer {
  readonly #server: Server;
  readonly #address: string;
  readonly #sockets = new Set<Socket>();
  port = 0;

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.#address = address;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  /**
   * Listens on a free port.
   * @param address an IP address of this machine
   */
  static async start(server: Server, address: string): Promise<ListeningServer> {
    const listening = new ListeningServer(server, address);
    await listening.start();
    return listening;
  }

  /** Listens again on the port that it had. */
  async start(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.port, this.#address);
    await once(this.#server, "listening");
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Drops the connections and refuses new ones. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
