// A real gRPC server to stand behind Envoy in a test. Messages are bytes, and each method is a
// function of the test.

import http2 from "node:http2";
import type { HeaderList, UpstreamRequest } from "../traffic.js";
import { firstValue, pairs } from "./raw-headers.js";
import type { Upstream, UpstreamOptions } from "./upstream.js";
import { ListeningServer, resetStream } from "./upstream-server.js";

/** One call as the server sees it. */
export interface UpstreamGrpcCall {
  /** The request's headers, in order. */
  readonly metadata: HeaderList;
  /** The client's messages, until it sends no more. Throws when the client resets the stream. */
  readonly messages: AsyncIterable<Buffer>;
  /** Sends initial metadata. Without this call none is sent. */
  begin(metadata?: Readonly<Record<string, string>>): void;
  send(message: string | Buffer): void;
  /**
   * Ends the call. `message` is percent-encoded. If nothing was sent before, the answer consists of
   * trailers only.
   */
  end(status: number, message?: string, trailing?: Readonly<Record<string, string>>): void;
  /** Breaks the stream off, with `INTERNAL_ERROR`. */
  reset(): void;
  /**
   * Settles when the stream is gone, and says whether it ended or one of the two sides broke it
   * off.
   */
  readonly closed: Promise<"end" | "reset">;
}

/** A method. An error that it throws ends the call with status 13. */
export type GrpcMethod = (call: UpstreamGrpcCall) => void | Promise<void>;

/** The same options as those of `startUpstream`. */
export type GrpcUpstreamOptions = Pick<UpstreamOptions, "name" | "address">;

type StreamEvent = [http2.ServerHttp2Stream, http2.IncomingHttpHeaders, flags: number, raw: string[]];

const RESPONSE_HEADERS = { ":status": 200, "content-type": "application/grpc" };
const PREFIX_BYTES = 5;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;

/**
 * Starts a server on a free port. Its `requests` have the calls' paths and headers, without bodies.
 * @param methods by path, such as `/test.Echo/Say`; a call of any other path ends with status 12
 */
export async function startGrpcUpstream(
  methods: Readonly<Record<string, GrpcMethod>>,
  { name = "grpc", address = "127.0.0.1" }: GrpcUpstreamOptions = {},
): Promise<Upstream> {
  const requests: UpstreamRequest[] = [];
  const server = http2.createServer();
  server.on("stream", (...[stream, headers, , raw]: StreamEvent) => {
    // When the client resets the stream, the reader of its messages gets the error.
    stream.on("error", () => {});
    const path = headers[":path"] ?? "";
    const metadata = pairs(raw);
    const header = (name: string) => firstValue(metadata, name);
    requests.push({ method: "POST", path, headers: metadata, body: "", trailers: [], header });
    const call = grpcCall(stream, metadata);
    const method = methods[path];
    if (method === undefined) call.end(UNIMPLEMENTED, `no method ${path}`);
    else void run(method, call);
  });
  const listening = await ListeningServer.start(server, address);
  return {
    name,
    protocol: "http2",
    port: listening.port,
    secure: false,
    requests,
    stop: () => listening.stop(),
    start: () => listening.start(),
    [Symbol.asyncDispose]: () => listening.stop(),
  };
}

async function run(method: GrpcMethod, call: UpstreamGrpcCall): Promise<void> {
  try {
    await method(call);
  } catch (cause) {
    call.end(INTERNAL, String(cause));
  }
}

function grpcCall(stream: http2.ServerHttp2Stream, metadata: HeaderList): UpstreamGrpcCall {
  let trailers: http2.OutgoingHttpHeaders = {};
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  const begin = (initial: Readonly<Record<string, string>> = {}) =>
    stream.respond({ ...RESPONSE_HEADERS, ...initial }, { waitForTrailers: true });
  return {
    metadata,
    messages: readMessages(stream),
    closed: new Promise((resolve) => {
      // Envoy 1.36 cancels a call with NO_ERROR, upon which Node does not close the stream.
      stream.on("aborted", () => resolve("reset"));
      stream.on("close", () =>
        resolve(stream.rstCode === http2.constants.NGHTTP2_NO_ERROR ? "end" : "reset"),
      );
    }),
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
    reset: () => resetStream(stream),
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
