// A client and an upstream of HTTP/2 that send every piece of a body as one frame. Envoy hands a
// frame to its filters as it came, so what they see does not depend on time.

import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { listOf } from "../../kit/body-pieces.js";
import { grouped, pairs } from "../../kit/envoy/raw-headers.js";
import type { BodyPieces, ClientRequest, HeaderList, UpstreamResponse } from "../../kit/traffic.js";
import type { SeenByClient, SeenByUpstream } from "./scenario.js";

/** The authority of the clients' requests, unless a request names another. */
export const AUTHORITY = "shop.test";
const INTERNAL_ERROR = http2.constants.NGHTTP2_INTERNAL_ERROR;

/** Writes the pieces, each as a frame. The end is a frame of its own, or the trailers. */
async function writeBody(
  stream: http2.Http2Stream,
  body: BodyPieces | undefined,
  more: { readonly staysOpen?: boolean; readonly pieceDelayMs?: number } = {},
): Promise<void> {
  for (const piece of listOf(body)) {
    if (stream.destroyed) return;
    await new Promise<void>((resolve) => {
      stream.once("close", resolve);
      stream.write(Buffer.from(piece as string), () => resolve());
    });
    // Two writes in one turn would become one frame.
    await turn();
    if (more.pieceDelayMs !== undefined) await sleep(more.pieceDelayMs);
  }
  if (!stream.destroyed && more.staysOpen !== true) stream.end();
}

interface Received {
  readonly body: Buffer;
  readonly trailers: HeaderList;
  readonly end: "whole" | "reset";
}

async function readAll(stream: http2.Http2Stream): Promise<Received> {
  let trailers: HeaderList = [];
  stream.on("trailers", (_headers: unknown, _flags: unknown, raw: unknown) => {
    trailers = pairs(raw as string[]);
  });
  const chunks: Buffer[] = [];
  let ended = false;
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    ended = !stream.aborted && stream.rstCode === 0;
  } catch {
    // A reset shows as a missing part.
  }
  return { body: Buffer.concat(chunks), trailers, end: ended ? "whole" : "reset" };
}

/** Sends a request and waits for the whole answer, or until patience ends. */
export async function exchange(
  session: http2.ClientHttp2Session,
  request: ClientRequest,
  patienceMs: number,
): Promise<SeenByClient> {
  const { body, headers = [], trailers = [] } = request;
  const hasTrailers = trailers.length > 0;
  const pieces = listOf(body);
  const stream = session.request(
    {
      // In the order in which Envoy has them with HTTP/1.1.
      ":authority": headers.find(([name]) => name === "host")?.[1] ?? AUTHORITY,
      ":path": request.path ?? "/",
      ":method": request.method ?? (body === undefined ? "GET" : "POST"),
      ":scheme": "http",
      ...grouped(headers.filter(([name]) => name !== "host")),
    },
    { endStream: pieces.length === 0 && !hasTrailers, waitForTrailers: hasTrailers },
  );
  stream.on("error", () => {});
  stream.on("wantTrailers", () => stream.sendTrailers(grouped(trailers)));
  const timer = setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), patienceMs);
  const answer = new Promise<string[]>((resolve) => {
    stream.on("response", (_headers: unknown, _flags: unknown, raw: unknown) => resolve(raw as string[]));
    stream.on("close", () => resolve([]));
  });
  const received = readAll(stream);
  if (pieces.length > 0 || hasTrailers) await writeBody(stream, body);
  const all = pairs(await answer);
  const got = await received;
  clearTimeout(timer);
  if (!stream.closed) await once(stream, "close");
  return {
    status: Number(all.find(([name]) => name === ":status")?.[1] ?? 0),
    headers: all.filter(([name]) => name !== ":status"),
    body: got.end === "whole" ? got.body.toString("utf8") : "",
    trailers: got.end === "whole" ? got.trailers : [],
    end: got.end,
  };
}

/**
 * Whole requests, in the order of the upstreams' names. Which of two upstreams was reached first
 * may depend on time, and so may the part of a broken request that reached one.
 */
export function byUpstream(seen: readonly SeenByUpstream[]): readonly SeenByUpstream[] {
  const whole = seen.filter(({ end }) => end === "whole");
  return whole.sort((a, b) => (a.upstream === b.upstream ? 0 : a.upstream < b.upstream ? -1 : 1));
}

export interface WireUpstream extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
}

/**
 * @param onRequest called for each request as soon as its headers are there; `done` settles when
 * the request has ended. The returned function is asked for the answer when the request came whole.
 */
export async function startWireUpstream(
  name: string,
  onRequest: (request: {
    readonly headers: HeaderList;
    readonly done: Promise<Received>;
  }) => () => UpstreamResponse,
): Promise<WireUpstream> {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.on(
    "stream",
    (stream: http2.ServerHttp2Stream, _headers: unknown, _flags: unknown, raw: string[]) => {
      stream.on("error", () => {});
      const done = readAll(stream);
      const answer = onRequest({ headers: pairs(raw), done });
      void done.then(({ end }) => (end === "whole" ? respond(stream, answer()) : undefined));
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    name,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function respond(stream: http2.ServerHttp2Stream, response: UpstreamResponse): Promise<void> {
  const { status = 200, headers = [], body, trailers = [], delayMs = 0, pieceDelayMs = 0, fault } = response;
  if (delayMs > 0) await sleep(delayMs);
  if (stream.destroyed || fault === "never") return;
  if (fault === "reset") {
    stream.close(INTERNAL_ERROR);
    return;
  }
  const hasTrailers = trailers.length > 0;
  stream.on("wantTrailers", () => stream.sendTrailers(grouped(trailers)));
  const endStream = listOf(body).length === 0 && !hasTrailers && fault === undefined;
  stream.respond({ ":status": status, ...grouped(headers) }, { endStream, waitForTrailers: hasTrailers });
  if (endStream) return;
  const staysOpen = fault === "reset-in-body";
  await writeBody(stream, body, { staysOpen, pieceDelayMs });
  // The frames before the reset must be sent first, or the reset overtakes them.
  if (staysOpen) await sleep(10);
  // `close` would end the body first, as if it were complete.
  if (staysOpen) stream.destroy(new Error("reset in the body"));
}
