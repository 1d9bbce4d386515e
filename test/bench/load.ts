// The load: keep-alive connections over plain sockets, each with one request at a time. It is a
// process of its own, so that its work does not count as Envoy's. It is told over IPC which port to
// load for how long, and answers with the number of responses.

import { connect, type Socket } from "node:net";

export interface LoadOrder {
  readonly port: number;
  /** How long, in milliseconds. */
  readonly forMs: number;
  readonly connections: number;
}

export interface LoadResult {
  readonly responses: number;
}

/** A request as a mesh has it: a browser's few headers, a user, a trace. */
const REQUEST = Buffer.from(
  [
    "GET /shop/items?page=2 HTTP/1.1",
    "host: shop.test",
    "user-agent: bench/1",
    "accept: */*",
    "x-user-id: user-77",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "",
    "",
  ].join("\r\n"),
);
const END_OF_HEADERS = Buffer.from("\r\n\r\n");

/** The bytes of one whole response with a `content-length`, or 0 while it is incomplete. */
function responseSize(bytes: Buffer): number {
  const end = bytes.indexOf(END_OF_HEADERS);
  if (end < 0) return 0;
  const head = bytes.subarray(0, end).toString("latin1");
  if (!head.startsWith("HTTP/1.1 200 ")) throw new Error(`the load was answered: ${head.split("\r\n")[0]}`);
  const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
  const size = end + END_OF_HEADERS.length + length;
  return bytes.length >= size ? size : 0;
}

async function run({ port, forMs, connections }: LoadOrder): Promise<LoadResult> {
  let responses = 0;
  const until = performance.now() + forMs;
  const drive = (socket: Socket): Promise<void> =>
    new Promise((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0);
      socket.setNoDelay(true);
      socket.on("error", reject);
      socket.on("close", () => resolve());
      socket.on("data", (chunk) => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        const size = responseSize(received);
        if (size === 0) return;
        received = received.subarray(size);
        responses++;
        if (performance.now() >= until) socket.destroy();
        else socket.write(REQUEST);
      });
      socket.write(REQUEST);
    });
  await Promise.all(Array.from({ length: connections }, () => drive(connect(port, "127.0.0.1"))));
  return { responses };
}

process.on("message", (order: LoadOrder) => {
  run(order).then(
    (result) => process.send?.(result),
    (error: Error) => {
      console.error(error.message);
      process.exit(1);
    },
  );
});
