// Bodies in pieces: each is written when the one before it has left this process, so that it is an
// event of its own for who reads it.

import { setTimeout as sleep } from "node:timers/promises";

/**
 * What HTTP/1.1 sends in one go its reader takes for one piece; this much later it has read the one
 * before. HTTP/2 has a frame for each.
 */
const HTTP1_GAP_MS = 10;

/** Node's side of a message that goes out. */
interface Outgoing {
  write(piece: Buffer, written: (error?: Error | null) => void): unknown;
}

/**
 * Writes the pieces one by one; rejects when the stream breaks off. @param gapMs between two of
 * them, in milliseconds
 */
export async function writePieces(
  to: Outgoing,
  pieces: readonly Buffer[],
  protocol: "http1" | "http2",
  gapMs = 0,
): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    const gap = Math.max(gapMs, protocol === "http1" ? HTTP1_GAP_MS : 0);
    if (index > 0 && gap > 0) await sleep(gap);
    await new Promise<void>((resolve, reject) => {
      to.write(piece, (error) => (error ? reject(error) : resolve()));
    });
  }
}
