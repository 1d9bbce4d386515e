// A real gRPC server to stand behind Envoy in a test: messages are bytes, and each method is a function of the test's.
import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { pairs, type RawHeader } from "./raw-headers.js";
import type { RecordedRequest, Upstream } from "./upstream.js";

/** One call as the server sees it. */
export interface GrpcCall {
  /** The request's headers, in their order. */
  readonly metadata: readonly RawHeader[];
  /** The client's messages, until it sends no more. Throws when the client resets the stream. */
  readonly messages: AsyncIterable<Buffer>;
  /** Sends initial metadata; without it the first message sends none. */
  begin(metadata?: Readonly<Record<string, string>>): void;
  send(message: string | Buffer): void;
  /** Ends the call; `message` is percent-encoded. Before anything was sent the answer is trailers only. */
  end(status: number, message?: string, trailing?: Readonly<Record<string, string>>): void;
  /** Breaks the stream off, with `INTERNAL_ERROR`. */
  reset(): void;
}

/** What a method does; an error that it throws ends the call with status 13. */
export type GrpcMethod = (call: GrpcCall) => void | Promise<void>;

type StreamEvent = [http2.ServerHttp2Stream, http2.IncomingHttpHeaders, flags: number, raw: string[]];

const RESPONSE_HEADERS = { ":status": 200, "content-type": "application/grpc" };
const PREFIX_BYTES = 5;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;

/**
 * Starts a server on a free port of 127.0.0.1. Its `requests` are the calls' paths and headers, without bodies.
 * @param methods by path, such as `/test.Echo/Say`
 */
export async function startGrpcUpstream(methods: Readonly<Record<string, GrpcMethod>>): Promise<Upstream> {
  const requests: RecordedRequest[] = [];
  const server = http2.createServer();
  server.on("stream", (...[stream, headers, , raw]: StreamEvent) => {
    // A stream that the client resets shows where its messages are read.
    stream.on("error", () => {});
    const path = headers[":path"] ?? "";
    const metadata = pairs(raw);
    requests.push({ method: "POST", path, headers: metadata, body: "" });
    const call = grpcCall(stream, metadata);
    const method = methods[path];
    if (method === undefined) call.end(UNIMPLEMENTED, `no method ${path}`);
    else Promise.resolve(method(call)).catch((cause: unknown) => call.end(INTERNAL, String(cause)));
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    name: "grpc",
    protocol: "http2",
    port: (server.address() as AddressInfo).port,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function grpcCall(stream: http2.ServerHttp2Stream, metadata: readonly RawHeader[]): GrpcCall {
  let trailers: http2.OutgoingHttpHeaders = {};
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  const begin = (initial: Readonly<Record<string, string>> = {}) =>
    stream.respond({ ...RESPONSE_HEADERS, ...initial }, { waitForTrailers: true });
  return {
    metadata,
    messages: readMessages(stream),
    begin,
    send(message) {
      if (!stream.headersSent) begin();
      const data = Buffer.from(message);
      const prefix = Buffer.alloc(PREFIX_BYTES);
      prefix.writeUInt32BE(data.length, 1);
      stream.write(Buffer.concat([prefix, data]));
    },
    end(status, message = "", trailing = {}) {
      if (stream.closed || stream.destroyed) return;
      trailers = { "grpc-status": status, "grpc-message": encodeURIComponent(message), ...trailing };
      if (stream.headersSent) stream.end();
      else stream.respond({ ...RESPONSE_HEADERS, ...trailers }, { endStream: true });
    },
    reset() {
      stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    },
  };
}

async function* readMessages(stream: http2.ServerHttp2Stream): AsyncGenerator<Buffer> {
  let held = Buffer.alloc(0);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    held = Buffer.concat([held, chunk]);
    while (held.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + held.readUInt32BE(1);
      if (held.length < end) break;
      yield held.subarray(PREFIX_BYTES, end);
      held = held.subarray(end);
    }
  }
}
