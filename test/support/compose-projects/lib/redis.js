// One command to Redis over a connection of its own.

import { once } from "node:events";
import { connect } from "node:net";

/**
 * @param {string} host
 * @param {number} port
 * @param {readonly string[]} words
 * @returns {Promise<string | null>}
 */
export async function redis(host, port, ...words) {
  const socket = connect({ host, port });
  try {
    await once(socket, "connect");
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    socket.write(`*${words.length}\r\n${parts.join("")}`);
    let text = "";
    for await (const chunk of socket) {
      text += chunk;
      const answer = replyIn(text);
      if (answer !== undefined) return answer;
    }
    throw new Error("Redis closed the connection");
  } finally {
    socket.destroy();
  }
}

/** The reply, once all of it is there. @param {string} text */
function replyIn(text) {
  const [line, kind, value = ""] = /^([+\-:$])(.*)\r\n/.exec(text) ?? [];
  if (line === undefined) return undefined;
  if (kind === "-") throw new Error(`Redis: ${value}`);
  if (kind !== "$") return value;
  if (value === "-1") return null;
  const bytes = Buffer.from(text.slice(line.length));
  return bytes.length < Number(value) + 2 ? undefined : bytes.subarray(0, Number(value)).toString();
}
