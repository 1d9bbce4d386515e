// A load for a test's Envoy: many connections, paced or as fast as the answers come, from a process
// of its own, so that neither the test's upstreams nor its own work hold it up.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { HeaderList } from "../../kit/traffic.js";

export interface LoadOptions {
  /** Of 127.0.0.1. */
  readonly port: number;
  /** Default: `http1`. */
  readonly protocol?: "http1" | "http2";
  /**
   * The kernel chooses which worker of Envoy has a connection: with few of them a worker may have
   * none. Default: 64.
   */
  readonly connections?: number;
  /**
   * With HTTP/2, how many requests may be under way on one connection; with HTTP/1.1 it is one.
   * Default: 8.
   */
  readonly streams?: number;
  /**
   * Requests a second over all connections; what a busy machine could not send in time it sends as
   * soon as it can. Default: as fast as the answers come.
   */
  readonly rate?: number;
  /** No request is begun after so many milliseconds. */
  readonly forMs: number;
  /** No more requests than so many. Default: as many as the time has. */
  readonly requests?: number;
  /** Default: GET. */
  readonly method?: string;
  /**
   * `{n}` in it, and in the headers' values, becomes the request's number, from 0. Default: `/`.
   */
  readonly path?: string;
  /** Beside `host`; names in lower case. */
  readonly headers?: HeaderList;
  /**
   * The numbers of `{n}` begin at 0 again after so many requests: so many keys. Default: they do
   * not.
   */
  readonly numbers?: number;
  readonly body?: string;
}

/** Times are milliseconds on the machine's steady clock, the same for all its processes. */
export interface LoadAnswer {
  /** 0 where the connection or the stream ended without a status. */
  readonly status: number;
  /** The number that stands for `{n}`. */
  readonly number: number;
  readonly sentMs: number;
  /** When the whole answer was there. */
  readonly answeredMs: number;
}

export interface LoadResult {
  /** In the order in which they came. */
  readonly answers: readonly LoadAnswer[];
  /** How many answers have a status, by status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** From the first request to the last answer. */
  readonly durationMs: number;
  /** The latency that this share of the answers does not exceed. @param share 0.5 is the median */
  latencyMs(share: number): number;
}

/** What the process answers; columns, because a hundred thousand objects take long to hand over. */
export interface LoadColumns {
  readonly statuses: readonly number[];
  readonly numbers: readonly number[];
  readonly sentMs: readonly number[];
  readonly answeredMs: readonly number[];
}

/**
 * Sends requests until the time or their number is spent, and waits for the last answer.
 * @throws Error when the process fails, such as when nobody listens on the port
 */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const child: ChildProcess = fork(fileURLToPath(new URL("load-process.ts", import.meta.url)), {
    execArgv: ["--import", "tsx"],
    serialization: "advanced",
    stdio: ["ignore", "inherit", "pipe", "ipc"],
  });
  let complaint = "";
  child.stderr?.on("data", (text: Buffer) => {
    complaint += text.toString();
  });
  try {
    // Not "exit": what it wrote may come after that.
    const ended = once(child, "close").then(() => {
      throw new Error(`the load ended before its time: ${complaint.trim()}`);
    });
    ended.catch(() => {});
    child.send(options);
    const [columns] = (await Promise.race([once(child, "message"), ended])) as [LoadColumns];
    return resultOf(columns);
  } finally {
    child.kill("SIGKILL");
  }
}

function resultOf(columns: LoadColumns): LoadResult {
  const { sentMs, answeredMs, numbers } = columns;
  const statuses: Record<number, number> = {};
  const answers = columns.statuses.map((status, i): LoadAnswer => {
    statuses[status] = (statuses[status] ?? 0) + 1;
    return { status, number: numbers[i] ?? 0, sentMs: sentMs[i] ?? 0, answeredMs: answeredMs[i] ?? 0 };
  });
  const latencies = answers.map((answer) => answer.answeredMs - answer.sentMs).sort((a, b) => a - b);
  const first = answers.reduce((least, answer) => Math.min(least, answer.sentMs), Number.POSITIVE_INFINITY);
  return {
    answers,
    statuses,
    durationMs: answers.length === 0 ? 0 : (answers.at(-1)?.answeredMs ?? 0) - first,
    latencyMs: (share) =>
      latencies[Math.min(latencies.length - 1, Math.ceil(latencies.length * share) - 1)] ?? 0,
  };
}
