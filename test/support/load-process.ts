// The process behind `runLoad`. It is told over IPC what to send, and answers with what came back.

import { once } from "node:events";
import http2 from "node:http2";
import { connect, type Socket } from "node:net";
import type { LoadColumns, LoadOptions, LoadReport } from "./load.js";

const DEFAULT_HOST = "load.test";
const END_OF_HEADERS = Buffer.from("\r\n\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");
/** How long the answers may take after the last request was sent, in milliseconds. */
const LAST_ANSWERS_MS = 20_000;

/** A place for one request at a time. */
interface Lane {
  close(): void;
  /** Settles with the status of the answer, or 0 when it was broken off. */
  send(number: number): Promise<number>;
}

/** A clock that is the same in all processes of a machine. */
const nowMs = () => Number(process.hrtime.bigint() / 1000n) / 1000;

class Http1Lane implements Lane {
  readonly #options: LoadOptions;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #answered: ((status: number) => void) | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  async connect(): Promise<Socket> {
    const socket = connect(this.#options.port, "127.0.0.1");
    await once(socket, "connect");
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("close", () => {
      this.#socket = undefined;
      this.#finish(0);
    });
    this.#socket = socket;
    return socket;
  }

  async send(number: number): Promise<number> {
    // A server may end a connection after an answer. The next request then needs a new one.
    const socket = this.#socket ?? (await this.connect());
    this.#received = Buffer.alloc(0);
    return new Promise((resolve) => {
      this.#answered = resolve;
      socket.write(http1Request(this.#options, number));
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const status = statusOfWhole(this.#received);
    if (status > 0) this.#finish(status);
  }

  #finish(status: number): void {
    this.#answered?.(status);
    this.#answered = undefined;
  }
}

const withNumber = (text: string, number: number) => text.replaceAll("{n}", String(number));

function http1Request(options: LoadOptions, number: number): string {
  const { host = DEFAULT_HOST, method, path = "/", headers = [], body } = options;
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = body === undefined ? "" : `content-length: ${Buffer.byteLength(body)}\r\n`;
  const head = `${method ?? "GET"} ${path} HTTP/1.1\r\nhost: ${host}\r\n${lines}${length}\r\n`;
  return withNumber(head, number) + (body ?? "");
}

/** The status of a complete response, or 0. */
function statusOfWhole(bytes: Buffer): number {
  const end = bytes.indexOf(END_OF_HEADERS);
  if (end < 0) return 0;
  const head = bytes.subarray(0, end).toString("latin1").toLowerCase();
  const status = Number(head.slice(9, 12));
  const body = end + END_OF_HEADERS.length;
  if (status === 204 || status === 304) return status;
  if (/\r\ntransfer-encoding: *chunked/.test(head)) {
    return bytes.subarray(body).subarray(-LAST_CHUNK.length).equals(LAST_CHUNK) ? status : 0;
  }
  const length = Number(/\r\ncontent-length: *(\d+)/.exec(head)?.[1] ?? 0);
  return bytes.length >= body + length ? status : 0;
}

function http2Lane(session: http2.ClientHttp2Session, options: LoadOptions): Lane {
  const { host = DEFAULT_HOST, method = "GET", path = "/", headers = [], body } = options;
  return {
    close: () => session.destroy(),
    send: (number) =>
      new Promise((resolve) => {
        let status = 0;
        if (session.closed || session.destroyed) return resolve(0);
        const stream = session.request(
          {
            ":method": method,
            ":path": withNumber(path, number),
            ":authority": host,
            ...Object.fromEntries(headers.map(([name, value]) => [name, withNumber(value, number)])),
          },
          { endStream: body === undefined },
        );
        stream.on("response", (answer) => {
          status = Number(answer[":status"]);
        });
        stream.on("error", () => {});
        stream.on("close", () => resolve(status));
        stream.resume();
        if (body !== undefined) stream.end(body);
      }),
  };
}

async function openLanes(options: LoadOptions): Promise<Lane[]> {
  const connections = Array.from({ length: options.connections ?? 64 });
  if (options.protocol !== "http2") {
    const lanes = connections.map(() => new Http1Lane(options));
    await Promise.all(lanes.map((lane) => lane.connect()));
    return lanes;
  }
  const sessions = connections.map(() => http2.connect(`http://127.0.0.1:${options.port}`));
  await Promise.all(sessions.map((session) => once(session, "connect")));
  for (const session of sessions) session.on("error", () => {});
  // The first lane of each connection comes before the second of any, so that a slow pace reaches
  // all of them.
  return Array.from({ length: options.streams ?? 8 }, () =>
    sessions.map((session) => http2Lane(session, options)),
  ).flat();
}

async function run(options: LoadOptions): Promise<LoadColumns> {
  const { rate, forMs, requests = Number.POSITIVE_INFINITY, numbers = Number.POSITIVE_INFINITY } = options;
  const lanes = await openLanes(options);
  const free = [...lanes];
  const columns = {
    statuses: [] as number[],
    numbers: [] as number[],
    sentMs: [] as number[],
    answeredMs: [] as number[],
  };
  const begin = nowMs();
  let [sent, answered] = [0, 0];
  const due = (now: number) =>
    Math.min(requests, rate === undefined ? sent + 1 : (now - begin) * (rate / 1000));
  const isOver = () => sent >= requests || nowMs() - begin >= forMs;

  const sendOne = async (lane: Lane): Promise<void> => {
    const number = sent++ % numbers;
    const sentMs = nowMs();
    const status = await lane.send(number);
    answered++;
    columns.statuses.push(status);
    columns.numbers.push(number);
    columns.sentMs.push(sentMs);
    columns.answeredMs.push(nowMs());
    free.push(lane);
    sendDue();
  };
  const sendDue = (): void => {
    while (free.length > 0 && !isOver() && sent < due(nowMs())) void sendOne(free.shift() as Lane);
  };

  while (!isOver()) {
    sendDue();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const patience = nowMs() + LAST_ANSWERS_MS;
  while (answered < sent) {
    if (nowMs() > patience) throw new Error(`${sent - answered} of ${sent} requests got no answer`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const lane of lanes) lane.close();
  return columns;
}

const report = (answer: LoadReport) => process.send?.(answer);

process.on("message", (options: LoadOptions) => {
  run(options).then(report, (error: Error) => report({ failure: error.message }));
});
