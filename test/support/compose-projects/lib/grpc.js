// gRPC with JSON for messages: its frames, statuses and trailers over HTTP/2.

import { once } from "node:events";
import http2 from "node:http2";
import { listen } from "./listen.js";

const PATIENCE_MS = 20_000;
const INTERNAL = 13;

/** @param {unknown} message */
function framed(message) {
  const text = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, text]);
}

/** @param {AsyncIterable<Buffer>} stream */
async function unframed(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const all = Buffer.concat(chunks);
  return all.length < 5 ? undefined : JSON.parse(all.subarray(5).toString());
}

/**
 * @param {number} port
 * @param {Record<string, (message: any) => unknown>} methods by their paths
 */
export function serveGrpc(port, methods) {
  const server = http2.createServer();
  server.on("stream", async (stream, headers) => {
    stream.on("error", () => {});
    let [status, text] = [0, ""];
    stream.on("wantTrailers", () =>
      stream.sendTrailers({ "grpc-status": String(status), "grpc-message": text }),
    );
    stream.respond({ ":status": 200, "content-type": "application/grpc+json" }, { waitForTrailers: true });
    try {
      const method = methods[String(headers[":path"])];
      if (method === undefined) throw new Error(`there is no ${headers[":path"]}`);
      stream.write(framed(await method(await unframed(stream))));
    } catch (error) {
      [status, text] = [INTERNAL, encodeURIComponent(String(error))];
    }
    stream.end();
  });
  listen(server, port);
}

/**
 * Calls a method. Rejects where the status is not OK.
 * @param {string} address HOST:PORT
 * @param {string} path
 * @param {unknown} message
 * @returns {Promise<any>}
 */
export async function callGrpc(address, path, message = {}) {
  const session = http2.connect(`http://${address}`);
  session.on("error", () => {});
  try {
    const stream = session.request(
      { ":method": "POST", ":path": path, "content-type": "application/grpc+json", te: "trailers" },
      { signal: AbortSignal.timeout(PATIENCE_MS) },
    );
    /** @type {http2.IncomingHttpHeaders} */
    let end = {};
    stream.on("trailers", (trailers) => {
      end = trailers;
    });
    stream.end(framed(message));
    const [headers] = await once(stream, "response");
    const answer = await unframed(stream);
    const { "grpc-status": status, "grpc-message": text } = { ...headers, ...end };
    if (status !== "0") throw new Error(`${address}${path}: status ${status}: ${text}`);
    return answer;
  } finally {
    session.close();
  }
}
