// Sends what no HTTP client would send: bytes as they are, over HTTP/1.1.

import { once } from "node:events";
import { connect } from "node:net";

/** How long an answer may take, in milliseconds. */
const TIMEOUT_MS = 20_000;

/**
 * Sends bytes that no HTTP client would send, such as header values with NUL or broken UTF-8, to a
 * port of 127.0.0.1. Returns everything that comes back (latin1) until the peer closes or one
 * response is complete: by its `content-length`, by its last chunk, or because it cannot have a
 * body. The result is empty when the peer closes without an answer.
 * @throws Error when neither happens within 20 seconds, or the port does not answer
 */
export async function rawHttp1(port: number, bytes: Buffer): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const isHead = bytes.subarray(0, 5).toString("latin1") === "HEAD ";
  try {
    await once(socket, "connect");
    socket.write(bytes);
    return await new Promise<string>((resolve, reject) => {
      let received = "";
      socket.setEncoding("latin1");
      socket.setTimeout(TIMEOUT_MS, () =>
        reject(new Error(`no whole answer in ${TIMEOUT_MS} ms: ${received}`)),
      );
      socket.on("data", (chunk: string) => {
        received += chunk;
        if (isWhole(received, isHead)) resolve(received);
      });
      // A reset is an answer too. What came before it matters.
      socket.on("error", () => resolve(received));
      socket.on("close", () => resolve(received));
    });
  } finally {
    socket.destroy();
  }
}

function isWhole(received: string, isHead: boolean): boolean {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const [, status = ""] = /^HTTP\/1\.[01] (\d{3})/.exec(received) ?? [];
  // A 1xx status comes before the response itself.
  if (status.startsWith("1")) return isWhole(received.slice(end + 4), isHead);
  if (isHead || status === "204" || status === "304") return true;
  const head = received.slice(0, end).toLowerCase();
  const body = received.slice(end + 4);
  const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
  if (length !== undefined) return body.length >= Number(length);
  return /\r\ntransfer-encoding: *chunked/.test(head) && /(^|\r\n)0\r\n\r\n$/.test(body);
}
