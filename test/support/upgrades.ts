// A server that takes WebSockets, and clients of both protocols that ask for an upgrade. What is
// sent over an upgraded connection is plain text here: Envoy passes bytes and reads no frames.

import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";

/** A key, and the answer to it, that RFC 6455 gives as its example. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const PATIENCE_MS = 10_000;

/** Answers an upgrade to WebSocket, and then echoes in capitals what it receives. */
export function takeWebSocket(request: http.IncomingMessage, socket: Duplex): void {
  const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${GUID}`).digest("base64");
  socket.on("error", () => {});
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on("data", (data: Buffer) => void socket.write(data.toString().toUpperCase()));
  socket.on("end", () => socket.end());
}

export interface UpgradeServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

/**
 * A server of HTTP/1.1 that takes WebSockets, and answers any other request with its method, path
 * and headers as JSON and the trailer `x-late`.
 */
export async function startUpgradeServer(): Promise<UpgradeServer> {
  const server = http.createServer(answer);
  // Other upgrades are ignored, as RFC 9110 allows; Node would hand them all to the listener.
  server.on("upgrade", takeWebSocket);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** A server of HTTP/2 that takes WebSockets by extended CONNECT, and echoes in capitals. */
export async function startConnectServer(): Promise<UpgradeServer> {
  const server = http2.createServer({ settings: { enableConnectProtocol: true } });
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    const isWebSocket = headers[":method"] === "CONNECT" && headers[":protocol"] === "websocket";
    stream.respond({ ":status": isWebSocket ? 200 : 400 }, { endStream: !isWebSocket });
    stream.on("data", (data: Buffer) => void stream.write(data.toString().toUpperCase()));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `h2c://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  for await (const _chunk of request);
  const { method, url, headers, trailers } = request;
  response.writeHead(200, { "content-type": "application/json", trailer: "x-late" });
  response.write(JSON.stringify({ method, url, headers, trailers }));
  response.addTrailers({ "x-late": "1" });
  response.end();
}

/** Asks for an upgrade over HTTP/1.1, and says "hello" where it is given. */
export async function upgrade(
  url: string,
  protocol = "websocket",
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly accepted: boolean; readonly text: string }> {
  const request = http.get(url, {
    agent: false,
    signal: AbortSignal.timeout(PATIENCE_MS),
    headers: {
      connection: "Upgrade",
      upgrade: protocol,
      "sec-websocket-version": "13",
      "sec-websocket-key": KEY,
      ...headers,
    },
  });
  const upgraded = once(request, "upgrade") as Promise<[http.IncomingMessage, Socket, Buffer]>;
  const answered = once(request, "response") as Promise<[http.IncomingMessage]>;
  for (const each of [upgraded, answered]) each.catch(() => {});
  const [response, socket] = (await Promise.race([upgraded, answered])) as [http.IncomingMessage, Socket?];
  const status = response.statusCode ?? 0;
  if (socket === undefined) return { status, accepted: false, text: await textOf(response) };
  socket.on("error", () => {});
  const accepted = response.headers["sec-websocket-accept"] === ACCEPT;
  // Two pieces, so that neither side's bytes can be those that came with the headers.
  const text = `${await echoed(socket, "hello ")}${await echoed(socket, "again")}`;
  socket.destroy();
  return { status, accepted, text };
}

/** Asks for a WebSocket by the extended CONNECT of HTTP/2, and says "hello" where it is given. */
export async function connectHttp2(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const { origin, host, pathname } = new URL(url);
  const session = http2.connect(origin);
  session.on("error", () => {});
  try {
    const [settings] = (await once(session, "remoteSettings")) as [http2.Settings];
    if (settings.enableConnectProtocol !== true) throw new Error("the server offers no extended CONNECT");
    const stream = session.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "http",
      ":authority": host,
      ":path": pathname,
      "sec-websocket-version": "13",
      ...headers,
    });
    const [{ ":status": status = 0 }] = (await once(stream, "response", {
      signal: AbortSignal.timeout(PATIENCE_MS),
    })) as [http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader];
    const text = status === 200 ? await echoed(stream, "hello") : await textOf(stream);
    stream.close();
    return { status, text };
  } finally {
    session.destroy();
  }
}

async function echoed(stream: Duplex, text: string): Promise<string> {
  const answered = once(stream, "data", { signal: AbortSignal.timeout(PATIENCE_MS) });
  stream.write(text);
  const [data] = (await answered) as [Buffer];
  return data.toString();
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
