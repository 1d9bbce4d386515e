// A service of HTTP/1.1 on every address: facts about a request, server-sent events, uploads, and
// WebSockets.

import { createHash } from "node:crypto";
import http from "node:http";

const version = process.argv[2];
const events = new Set();

const server = http.createServer(async (request, response) => {
  if (request.url === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: first\n\n");
    events.add(response);
    return;
  }
  if (request.url === "/tell") {
    for (const each of events) each.write("data: second\n\n");
    return response.end("told");
  }
  if (request.url === "/end") process.exit(3);
  const digest = createHash("sha256");
  let bytes = 0;
  for await (const chunk of request) {
    digest.update(chunk);
    bytes += chunk.length;
  }
  const { remoteAddress } = request.socket;
  const { url, headers } = request;
  const price = process.env.PRICE;
  response.end(
    JSON.stringify({
      version,
      remoteAddress,
      url,
      host: headers.host,
      price,
      bytes,
      sha256: digest.digest("hex"),
    }),
  );
});
server.on("upgrade", (_request, socket) => {
  socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n");
  socket.on("data", (data) => socket.write(String(data).toUpperCase())).on("error", () => {});
});
// A keep-alive of Node's own would close connections that a sidecar still holds.
server.keepAliveTimeout = 0;
server.listen(8080);
