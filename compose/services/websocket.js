// The little of WebSocket (RFC 6455) that the demo needs on Node's own HTTP: texts both ways, pings
// and an orderly end. A service of yours would use a library instead.

import { createHash } from "node:crypto";

const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const [CONTINUATION, TEXT, CLOSE, PING, PONG] = [0, 1, 8, 9, 10];
const [FINAL, MASKED] = [0x80, 0x80];
const PROTOCOL_ERROR = 1002;
const TOO_LONG = 1009;

/**
 * Answers the handshake; undefined where it is none.
 *
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:stream").Duplex} socket
 * @param {{ maxBytes: number, onText: (text: string) => void }} options
 */
export function acceptWebSocket(request, socket, { maxBytes, onText }) {
  const key = request.headers["sec-websocket-key"];
  if (key === undefined) return void socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  const accept = createHash("sha1").update(`${key}${KEY_SUFFIX}`).digest("base64");
  const head = ["HTTP/1.1 101 Switching Protocols", "upgrade: websocket", "connection: Upgrade"];
  socket.write(`${[...head, `sec-websocket-accept: ${accept}`].join("\r\n")}\r\n\r\n`);
  const close = (/** @type {number} */ code) => {
    const reason = Buffer.alloc(2);
    reason.writeUInt16BE(code);
    socket.end(frame(CLOSE, reason));
  };
  let [rest, text] = [Buffer.alloc(0), Buffer.alloc(0)];
  socket.on("error", () => {});
  socket.on("data", (/** @type {Buffer} */ chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let next = readFrame(rest); next !== undefined && socket.writable; next = readFrame(rest)) {
      if (next.length > maxBytes) return close(TOO_LONG);
      if (!next.isMasked) return close(PROTOCOL_ERROR);
      if (next.data === undefined) return;
      rest = rest.subarray(next.end);
      if (next.code === CLOSE) return void socket.end(frame(CLOSE, next.data));
      if (next.code === PING) socket.write(frame(PONG, next.data));
      if (next.code !== TEXT && next.code !== CONTINUATION) continue;
      text = Buffer.concat([text, next.data]);
      if (text.length > maxBytes) return close(TOO_LONG);
      if (!next.isFinal) continue;
      onText(text.toString());
      text = Buffer.alloc(0);
    }
  });
  return { send: (/** @type {string} */ answer) => void socket.write(frame(TEXT, Buffer.from(answer))) };
}

/**
 * The first frame of these bytes; undefined while its beginning is not there, and without data
 * while the rest of it is not.
 *
 * @param {Buffer} bytes
 */
function readFrame(bytes) {
  const [first = 0, second = 0] = bytes;
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const begin = 2 + lengthBytes + 4;
  if (bytes.length < begin) return undefined;
  const length =
    lengthBytes === 0 ? short : lengthBytes === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const mask = bytes.subarray(begin - 4, begin);
  const end = begin + length;
  const known = {
    isFinal: (first & FINAL) !== 0,
    code: first & 0x0f,
    isMasked: (second & MASKED) !== 0,
    length,
  };
  if (bytes.length < end) return { ...known, end, data: undefined };
  const data = Buffer.from(bytes.subarray(begin, end)).map((byte, i) => byte ^ (mask[i % 4] ?? 0));
  return { ...known, end, data: Buffer.from(data) };
}

/**
 * @param {number} code
 * @param {Buffer} data
 */
function frame(code, data) {
  const { length } = data;
  const head = Buffer.alloc(length < 126 ? 2 : 4);
  head[0] = FINAL | code;
  head[1] = length < 126 ? length : 126;
  if (length >= 126) head.writeUInt16BE(length, 2);
  return Buffer.concat([head, data]);
}
