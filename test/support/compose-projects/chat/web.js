// The chat's page. Over the WebSocket /socket, everyone gets what anybody says.

import { createHash } from "node:crypto";
import { getJson, serveJson } from "../lib/http.js";
import { variable } from "../lib/listen.js";

const PORT = 3_000;
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 0x81;
/** Longer texts have another form of frame, which nobody needs here. */
const MAX_BYTES = 125;

const history = variable("HISTORY_URL");
/** @type {Set<import("node:stream").Duplex>} */
const sockets = new Set();

const server = serveJson(PORT, async () => ({ said: await getJson(history), here: sockets.size }));

server.on("upgrade", (request, socket) => {
  const key = request.headers["sec-websocket-key"];
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
  socket.on("error", () => socket.destroy());
  let rest = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let frame = frameIn(rest); frame !== undefined; frame = frameIn(rest)) {
      rest = rest.subarray(frame.size);
      if (frame.kind === TEXT) void say(frame.text);
      else socket.end();
    }
  });
});

/** @param {string} text */
async function say(text) {
  await fetch(history, { method: "POST", body: text });
  const bytes = Buffer.from(text).subarray(0, MAX_BYTES);
  for (const socket of sockets) socket.write(Buffer.concat([Buffer.from([TEXT, bytes.length]), bytes]));
}

/** The first frame of a client, once all of it is there. @param {Buffer} bytes */
function frameIn(bytes) {
  const length = (bytes[1] ?? 0) & 0x7f;
  const size = 6 + length;
  if (bytes.length < size) return undefined;
  const mask = bytes.subarray(2, 6);
  const text = Buffer.from(bytes.subarray(6, size).map((byte, i) => byte ^ (mask[i % 4] ?? 0)));
  return { kind: bytes[0], text: text.toString(), size };
}
