// Streams that would show a leak: bodies of 64 KiB, timers and calls, with a hundred streams open
// at a time.

import type { HeaderList } from "../traffic.js";
import type { HostedModule } from "./load.js";

const REQUEST: HeaderList = [
  [":method", "POST"],
  [":path", "/upload"],
  [":authority", "shop.test"],
  ["x-request-id", "7b9c"],
];
const RESPONSE: HeaderList = [[":status", "200"]];
const CHUNK = Buffer.alloc(16 * 1024, "a");
const CHUNKS = 4;
const DELAY_MS = 10;

/** The bytes of a stream's body. */
export const BODY_BYTES = CHUNK.length * CHUNKS;
/** How many streams are open at a time. */
export const BATCH = 100;

/**
 * Drives streams through the memory probe, from start to end. For one in ten the call fails, and
 * one in ten is closed while its timer and its call are under way.
 * @throws Error when a stream did not pass with its whole body
 */
export function driveMemoryStreams(module: HostedModule, count: number): void {
  for (let done = 0; done < count; done += BATCH) driveBatch(module);
}

function driveBatch(module: HostedModule): void {
  const streams = Array.from({ length: BATCH }, () => module.open(REQUEST));
  for (let i = 0; i < BATCH; i += 10) streams[i]?.close();
  for (const stream of streams) {
    for (let chunk = 1; chunk <= CHUNKS; chunk++) stream.requestBody(CHUNK, chunk === CHUNKS);
  }
  module.httpCalls.forEach((call, i) => {
    if (i % 10 === 1) call.fail();
    else call.respond({ headers: RESPONSE, body: "yes " });
  });
  module.advance(DELAY_MS);
  for (const stream of streams) {
    if (stream.isClosed) continue;
    const sent = stream.upstream.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (sent <= BODY_BYTES) throw new Error(`the upstream got ${sent} bytes of a body`);
    stream.responseHeaders(RESPONSE, true);
    stream.close();
  }
}
