// The little of gRPC that the demo needs, on Node's own HTTP/2: a server and a client of calls with
// one message each way. A service of yours would use a gRPC library instead.

import http2 from "node:http2";
import { listen } from "./listen.js";

const CALL_TIMEOUT_MS = 5_000;
/** Before each message: one byte that says whether it is compressed, and its length in four. */
const PREFIX_BYTES = 5;
const HEADERS = { ":status": 200, "content-type": "application/grpc" };

/** The statuses of gRPC that the demo uses. */
export const OK = 0;
export const UNKNOWN = 2;
export const NOT_FOUND = 5;
export const UNIMPLEMENTED = 12;
export const UNAVAILABLE = 14;

/** How a call ended that did not end well. */
export class GrpcError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Serves methods over HTTP/2 without TLS, at `PORT` of 127.0.0.1.
 *
 * @param {Record<string, (message: Buffer) => Buffer>} methods by path, such as
 * `/shop.Stock/Check`; one that throws a `GrpcError` ends the call with its status
 */
export function serveGrpc(methods) {
  const server = http2.createServer();
  server.on("stream", (stream, headers) => void answer(stream, methods[headers[":path"] ?? ""]));
  listen(server);
}

/**
 * @param {http2.ServerHttp2Stream} stream
 * @param {((message: Buffer) => Buffer) | undefined} method
 */
async function answer(stream, method) {
  stream.on("error", () => {});
  try {
    const message = unframed(await read(stream));
    if (method === undefined) throw new GrpcError(UNIMPLEMENTED, "there is no such method");
    const reply = method(message);
    stream.respond(HEADERS, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": OK }));
    stream.end(framed(reply));
  } catch (error) {
    if (stream.destroyed) return;
    const { status, message } = error instanceof GrpcError ? error : new GrpcError(UNKNOWN, String(error));
    const end = { "grpc-status": status, "grpc-message": encodeURIComponent(message) };
    stream.respond({ ...HEADERS, ...end }, { endStream: true });
  }
}

/** @type {Map<string, http2.ClientHttp2Session>} */
const sessions = new Map();

/**
 * Calls a method. Throws a `GrpcError`.
 *
 * @param {string} url the server, without TLS
 * @param {string} path such as `/shop.Stock/Check`
 * @param {Buffer} message
 * @param {Record<string, string>} metadata
 * @returns {Promise<Buffer>}
 */
export async function callGrpc(url, path, message, metadata) {
  try {
    const stream = sessionTo(url).request(
      { ...metadata, ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" },
      { signal: AbortSignal.timeout(CALL_TIMEOUT_MS) },
    );
    /** @type {http2.IncomingHttpHeaders} */
    const end = {};
    stream.on("response", (headers) => Object.assign(end, headers));
    stream.on("trailers", (trailers) => Object.assign(end, trailers));
    stream.end(framed(message));
    const body = await read(stream);
    const status = Number(end["grpc-status"] ?? UNKNOWN);
    if (status !== OK) throw new GrpcError(status, decodeURIComponent(String(end["grpc-message"] ?? "")));
    return unframed(body);
  } catch (error) {
    throw error instanceof GrpcError ? error : new GrpcError(UNAVAILABLE, String(error));
  }
}

/**
 * The connection to a server, which all calls share until it ends.
 *
 * @param {string} url
 */
function sessionTo(url) {
  const open = sessions.get(url);
  if (open !== undefined && !open.closed && !open.destroyed) return open;
  const session = http2.connect(url);
  session.on("error", () => {});
  session.unref();
  sessions.set(url, session);
  return session;
}

/** @param {AsyncIterable<Buffer>} stream */
async function read(stream) {
  /** @type {Buffer[]} */
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** @param {Buffer} message */
function framed(message) {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** @param {Buffer} data */
function unframed(data) {
  if (data.length < PREFIX_BYTES) throw new GrpcError(UNKNOWN, "there is no whole message");
  return data.subarray(PREFIX_BYTES, PREFIX_BYTES + data.readUInt32BE(1));
}
