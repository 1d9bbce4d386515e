// The load: connections over plain sockets that speak HTTP/2, each of which sends several requests
// at once and awaits their responses before the next ones. So Envoy reads and writes once for many
// requests, and what the system does for a connection, which is most of the cost of a lone request
// and most of its noise, hardly counts. It is a process of its own, so that its work does not count
// as Envoy's. It is told over IPC which port to load for how long, or how often, and answers with
// the number of responses.

import { connect, type Socket } from "node:net";

export interface LoadOrder {
  readonly port: number;
  /** How long, in milliseconds, unless `batches` ends it before. */
  readonly forMs: number;
  /** How often each connection sends its requests. Default: until the time is over. */
  readonly batches?: number;
  readonly connections: number;
  /** How many requests a connection sends at once. */
  readonly streams: number;
}

export interface LoadResult {
  readonly responses: number;
}

/** A request as a mesh has it: a browser's few headers, a user, a trace. */
const REQUEST = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "shop.test"],
  [":path", "/shop/items?page=2"],
  ["user-agent", "bench/1"],
  ["accept", "*/*"],
  ["x-user-id", "user-77"],
  ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
] as const;

/** Frame types of RFC 9113, 6. */
const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, goAway: 7, windowUpdate: 8 };
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const ACK = 0x1;
const FRAME_HEAD = 9;
/** `:status: 200` is entry 8 of HPACK's static table. */
const STATUS_200 = 0x88;
const MAX_WINDOW = 2 ** 31 - 1;
const FIRST_WINDOW = 65_535;

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_HEAD);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A field that the receiver does not remember, so that the same bytes serve for each request. */
function literalField([name, value]: readonly [string, string]): Buffer {
  const text = (bytes: string) => Buffer.from([bytes.length, ...Buffer.from(bytes)]);
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function windowOf(size: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(size);
  return payload;
}

/** What a client sends first. The window is as wide as it can be, so it is never widened again. */
const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(FRAME.settings, 0, 0, Buffer.alloc(0)),
  frame(FRAME.windowUpdate, 0, 0, windowOf(MAX_WINDOW - FIRST_WINDOW)),
]);
const FIELDS = Buffer.concat(REQUEST.map(literalField));

/** One connection, which is full of requests until `isOver`. Returns the number of responses. */
function drive(socket: Socket, streams: number, isOver: (batches: number) => boolean): Promise<number> {
  let responses = 0;
  let batches = 0;
  let awaited = 0;
  let stream = 1;
  let received: Buffer = Buffer.alloc(0);
  const ask = () => {
    const requests = Array.from({ length: streams }, (_, i) =>
      frame(FRAME.headers, END_STREAM | END_HEADERS, stream + 2 * i, FIELDS),
    );
    stream += 2 * streams;
    awaited = streams;
    batches++;
    socket.write(Buffer.concat(requests));
  };
  const take = (type: number, flags: number, payload: Buffer) => {
    if (type === FRAME.settings && (flags & ACK) === 0)
      socket.write(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
    else if (
      type === FRAME.reset ||
      type === FRAME.goAway ||
      (type === FRAME.headers && payload[0] !== STATUS_200)
    )
      throw new Error(`the load was answered by a frame of type ${type}: ${payload.toString("latin1")}`);
    else if ((type === FRAME.headers || type === FRAME.data) && (flags & END_STREAM) !== 0) {
      responses++;
      awaited--;
    }
  };
  return new Promise((resolve, reject) => {
    socket.setNoDelay(true);
    socket.on("error", reject);
    socket.on("close", () => resolve(responses));
    socket.on("data", (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      let at = 0;
      while (received.length >= at + FRAME_HEAD) {
        const end = at + FRAME_HEAD + received.readUIntBE(at, 3);
        if (received.length < end) break;
        try {
          take(received[at + 3] ?? 0, received[at + 4] ?? 0, received.subarray(at + FRAME_HEAD, end));
        } catch (error) {
          reject(error);
        }
        at = end;
      }
      received = received.subarray(at);
      if (awaited > 0) return;
      if (isOver(batches)) socket.destroy();
      else ask();
    });
    socket.write(PREFACE);
    ask();
  });
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const { port, forMs, batches = Number.POSITIVE_INFINITY, connections, streams } = order;
  const until = performance.now() + forMs;
  const isOver = (sent: number) => sent >= batches || performance.now() >= until;
  const counts = await Promise.all(
    Array.from({ length: connections }, () => drive(connect(port, "127.0.0.1"), streams, isOver)),
  );
  return { responses: counts.reduce((sum, count) => sum + count, 0) };
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
