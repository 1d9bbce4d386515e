// Bodies in pieces. Each piece is written after the one before it has left this process, so that
// the reader gets it as an event of its own.

import { setTimeout as sleep } from "node:timers/promises";

/**
 * The pause between pieces with HTTP/1.1, in milliseconds, after which the reader has read the
 * earlier piece. A reader takes everything that HTTP/1.1 sends at once for one piece. HTTP/2 has a
 * frame for each piece.
 */
const HTTP1_GAP_MS = 10;

/** Node's side of an outgoing message. */
interface Outgoing {
  write(piece: Buffer, written: (error?: Error | null) => void): unknown;
}

/**
 * Writes the pieces one by one. Rejects when the stream breaks off.
 * @param gapMs the pause between two pieces, in milliseconds
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
