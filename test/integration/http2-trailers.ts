// HTTP/2 with trailers both ways: a client that sends them, and an upstream that does.

import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type { Upstream } from "../harness/upstream.js";

type Headers = Readonly<Record<string, string>>;

export interface TrailersExchange {
  readonly headers: Headers;
  readonly body: string;
  readonly trailers: Headers;
}

const TIMEOUT_MS = 10_000;

/** Sends a POST; empty `trailers` are none, an empty `body` ends with the headers unless there are trailers. */
export async function exchange(url: string, sent: TrailersExchange): Promise<TrailersExchange> {
  const session = http2.connect(url);
  session.on("error", () => {});
  try {
    const hasTrailers = Object.keys(sent.trailers).length > 0;
    const stream = session.request(
      { ":method": "POST", ...sent.headers },
      {
        waitForTrailers: hasTrailers,
        endStream: sent.body === "" && !hasTrailers,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ ...sent.trailers }));
    let trailers: Headers = {};
    stream.on("trailers", (received) => {
      trailers = plain(received);
    });
    stream.end(sent.body === "" ? undefined : sent.body);
    const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
    const body = await text(stream);
    return { headers: plain(headers), body, trailers };
  } finally {
    session.destroy();
  }
}

export interface TrailersUpstream extends Upstream {
  /** The trailers of every request so far, in order. */
  readonly requestTrailers: readonly Headers[];
}

/** An HTTP/2 upstream that answers every request with `answer`. */
export async function startTrailersUpstream(
  answer: Omit<TrailersExchange, "headers">,
): Promise<TrailersUpstream> {
  const requests: TrailersUpstream["requests"][number][] = [];
  const requestTrailers: Headers[] = [];
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    let trailers: Headers = {};
    stream.on("trailers", (received) => {
      trailers = plain(received);
    });
    void text(stream).then((body) => {
      requests.push({
        method: "POST",
        path: headers[":path"] ?? "",
        headers: Object.entries(plain(headers)),
        body,
      });
      requestTrailers.push(trailers);
      const hasTrailers = Object.keys(answer.trailers).length > 0;
      stream.respond({ ":status": 200 }, { waitForTrailers: hasTrailers });
      stream.on("wantTrailers", () => stream.sendTrailers({ ...answer.trailers }));
      stream.end(answer.body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    name: "trailers",
    protocol: "http2",
    port: (server.address() as AddressInfo).port,
    requests,
    requestTrailers,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

function plain(headers: http2.IncomingHttpHeaders): Headers {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
