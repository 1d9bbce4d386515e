// The demo's service of open connections: what one says over a WebSocket, or by POST, all others
// get, over WebSockets and as server-sent events.

import http from "node:http";
import { send } from "./lib.js";
import { listen, service, version } from "./listen.js";
import { acceptWebSocket } from "./websocket.js";

const KEPT = 20;
const MAX_BYTES = 1024;
/** So that nothing on the way takes a silent connection for a dead one. */
const HEARTBEAT_MS = 15_000;

/** @typedef {{ id: number, text: string }} Message */

/** @type {Message[]} */
const said = [];
/** @type {Set<(message: Message) => void>} */
const listeners = new Set();
let count = 0;

/** @param {string} text */
function say(text) {
  const message = { id: ++count, text };
  said.push(message);
  said.splice(0, said.length - KEPT);
  for (const tell of listeners) tell(message);
}

/** @param {http.ServerResponse} response */
function stream(response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(`: ${service} ${version}\n\n`);
  const tell = (/** @type {Message} */ { id, text }) =>
    response.write(`id: ${id}\n${text.replace(/^/gm, "data: ")}\n\n`);
  const heartbeat = setInterval(() => response.write(": still here\n\n"), HEARTBEAT_MS);
  listeners.add(tell);
  response.on("close", () => {
    listeners.delete(tell);
    clearInterval(heartbeat);
  });
}

/**
 * @param {http.IncomingMessage} request
 * @param {http.ServerResponse} response
 */
async function take(request, response) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (Buffer.byteLength(text) > MAX_BYTES) return send(response, 413, { error: "that is too long to say" });
  }
  say(text);
  send(response, 200, { service, version, id: count });
}

const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://chat");
  if (pathname === "/healthz") return send(response, 200, { service, version, healthy: true });
  if (pathname === "/chat/events") return stream(response);
  if (request.method === "POST") return void take(request, response).catch(() => response.destroy());
  send(response, 200, { service, version, said });
});

server.on("upgrade", (request, socket) => {
  const webSocket = acceptWebSocket(request, socket, { maxBytes: MAX_BYTES, onText: say });
  if (webSocket === undefined) return;
  const tell = (/** @type {Message} */ message) => webSocket.send(JSON.stringify(message));
  listeners.add(tell);
  socket.on("close", () => listeners.delete(tell));
});

listen(server);
