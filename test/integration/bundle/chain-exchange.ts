// One request through an Envoy and everything that came of it, over HTTP/2 on both sides: there a
// body arrives in pieces of known size, and with trailers.

import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";

/** A body of three frames. */
const BODY = Buffer.from(Array.from({ length: 40_000 }, (_, i) => 97 + (i % 23)));
/** What differs from one request to the next, or from one Envoy to another. */
const VOLATILE = new Set([
  ":authority",
  "date",
  "traceparent",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-upstream-service-time",
  "x-request-id",
]);
const TIMEOUT_MS = 10_000;

/** The shape of a request or its answer. */
export type Shape = "headers" | "body" | "trailers";

export interface Message {
  readonly headers: readonly string[];
  /** Its size and a sample, or the whole body if it is short. */
  readonly body: string;
  readonly trailers: readonly string[];
}

/**
 * Answers in the shape that `x-answer` asks for, with the status in `x-status`, or 200. It keeps
 * each request under its `x-id`.
 */
export interface ChainUpstream extends AsyncDisposable {
  readonly port: number;
  readonly protocol: "http2";
  readonly name: string;
  readonly requests: [];
  readonly received: ReadonlyMap<string, Message>;
}

export async function startChainUpstream(): Promise<ChainUpstream> {
  const received = new Map<string, Message>();
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session));
  server.on(
    "stream",
    (stream: http2.ServerHttp2Stream, _headers: unknown, _flags: unknown, raw: string[]) => {
      stream.on("error", () => {});
      void answer(stream, raw, received);
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    name: "upstream",
    protocol: "http2",
    port: (server.address() as AddressInfo).port,
    requests: [],
    received,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  stream: http2.ServerHttp2Stream,
  raw: string[],
  received: Map<string, Message>,
): Promise<void> {
  const lines = shown(raw);
  const { body, trailers } = await readAll(stream);
  const get = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  received.set(get("x-id") ?? "", { headers: lines, body: sample(body), trailers });
  const shape = get("x-answer");
  if (stream.destroyed) return;
  stream.on("wantTrailers", () => stream.sendTrailers({ "x-upstream-trailer": "1" }));
  stream.respond(
    { ":status": Number(get("x-status") ?? 200), "x-upstream": "1" },
    { endStream: shape === "headers", waitForTrailers: shape === "trailers" },
  );
  if (shape !== "headers") stream.end(BODY);
}

export interface ExchangeOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly request: Shape;
  /** When the client leaves, whether it has an answer or not. Default: it waits for an answer. */
  readonly leaveAfterMs?: number;
}

/** The answer, or the reason in `headers` why there is none. */
export async function exchange(url: string, options: ExchangeOptions): Promise<Message> {
  const session = http2.connect(url);
  session.on("error", () => {});
  try {
    const stream = session.request(
      { ":method": "POST", ":path": "/", ":authority": "shop", ...options.headers },
      {
        endStream: options.request === "headers",
        waitForTrailers: options.request === "trailers",
        signal: AbortSignal.timeout(options.leaveAfterMs ?? TIMEOUT_MS),
      },
    );
    stream.on("error", () => {});
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-client-trailer": "1" }));
    if (options.request !== "headers") stream.end(BODY);
    const headers = new Promise<string[]>((resolve) => {
      stream.on("response", (_headers: unknown, _flags: unknown, raw: unknown) =>
        resolve(shown(raw as string[])),
      );
      stream.on("close", () => resolve([`no answer, code ${stream.rstCode}`]));
    });
    const { body, trailers } = await readAll(stream);
    return { headers: await headers, body: sample(body), trailers };
  } finally {
    session.destroy();
  }
}

async function readAll(stream: http2.Http2Stream): Promise<{ body: Buffer; trailers: string[] }> {
  let trailers: string[] = [];
  stream.on("trailers", (_headers: unknown, _flags: unknown, raw: unknown) => {
    trailers = shown(raw as string[]);
  });
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch {
    // A reset is visible by what is missing.
  }
  return { body: Buffer.concat(chunks), trailers };
}

function shown(raw: readonly string[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (!VOLATILE.has(raw[i] ?? "")) lines.push(`${raw[i]}: ${raw[i + 1]}`);
  }
  return lines;
}

function sample(body: Buffer): string {
  const text = body.toString("latin1");
  return text.length < 100 ? text : `${text.length}: ${text.slice(0, 12)}…${text.slice(-12)}`;
}
