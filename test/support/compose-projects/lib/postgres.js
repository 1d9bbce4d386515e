// One query to PostgreSQL over a connection of its own, where it trusts its clients.

import { once } from "node:events";
import { connect } from "node:net";

/**
 * The rows, as texts. Rejects with the server's message.
 * @param {string} url postgres://USER@HOST:PORT/DATABASE
 * @param {string} sql
 * @returns {Promise<(string | null)[][]>}
 */
export async function query(url, sql) {
  const { hostname, port, username, pathname } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port || 5432) });
  try {
    await once(socket, "connect");
    socket.write(startup(username, pathname.slice(1)));
    /** @type {(string | null)[][]} */
    const rows = [];
    let isAsked = false;
    let rest = Buffer.alloc(0);
    for await (const chunk of socket) {
      rest = Buffer.concat([rest, chunk]);
      for (let next = message(rest); next !== undefined; next = message(rest)) {
        rest = rest.subarray(next.size);
        if (next.kind === "E") throw new Error(`PostgreSQL: ${errorIn(next.body)}`);
        if (next.kind === "D") rows.push(rowIn(next.body));
        if (next.kind !== "Z") continue;
        if (isAsked) return rows;
        isAsked = true;
        socket.write(packet("Q", `${sql}\0`));
      }
    }
    throw new Error("PostgreSQL closed the connection");
  } finally {
    socket.destroy();
  }
}

/** @param {string} user @param {string} database */
function startup(user, database) {
  const body = Buffer.from(`user\0${user}\0database\0${database}\0\0`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8, 0);
  head.writeUInt32BE(3 << 16, 4);
  return Buffer.concat([head, body]);
}

/** @param {string} kind @param {string} text */
function packet(kind, text) {
  const body = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.write(kind, 0);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** The first message, once all of it is there. @param {Buffer} bytes */
function message(bytes) {
  if (bytes.length < 5) return undefined;
  const size = bytes.readUInt32BE(1) + 1;
  if (bytes.length < size) return undefined;
  return { kind: String.fromCharCode(bytes[0] ?? 0), body: bytes.subarray(5, size), size };
}

/** @param {Buffer} body */
function rowIn(body) {
  /** @type {(string | null)[]} */
  const row = [];
  let at = 2;
  for (let i = 0; i < body.readUInt16BE(0); i++) {
    const length = body.readInt32BE(at);
    at += 4;
    row.push(length < 0 ? null : body.subarray(at, at + length).toString());
    at += Math.max(0, length);
  }
  return row;
}

/** @param {Buffer} body */
function errorIn(body) {
  const fields = body.toString().split("\0");
  return fields.find((field) => field.startsWith("M"))?.slice(1);
}
