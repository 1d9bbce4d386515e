// A load for a test's Envoy: many connections, paced or as fast as the answers come. It runs in a
// process of its own, so that neither the test's upstreams nor the test's own work slow it down.
// The process then waits for the next load, because its start costs more than many a load.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { HeaderList } from "../../kit/traffic.js";

export interface LoadOptions {
  /** A port of 127.0.0.1. */
  readonly port: number;
  /** Default: `http1`. */
  readonly protocol?: "http1" | "http2";
  /**
   * The kernel chooses Envoy's worker for a connection, so with few connections a worker may have
   * none. Default: 64.
   */
  readonly connections?: number;
  /**
   * How many requests may be under way on one HTTP/2 connection. With HTTP/1.1 it is one. Default:
   * 8.
   */
  readonly streams?: number;
  /**
   * Requests per second over all connections. A request that a busy machine could not send in time
   * is sent as soon as possible. Default: as fast as the answers come.
   */
  readonly rate?: number;
  /** No request starts after this time, in milliseconds. */
  readonly forMs: number;
  /** The most requests. Default: as many as the time allows. */
  readonly requests?: number;
  /** Default: GET. */
  readonly method?: string;
  /**
   * `{n}` in the path and in the headers' values becomes the request's number, from 0. Default:
   * `/`.
   */
  readonly path?: string;
  /** Default: `load.test`. */
  readonly host?: string;
  /** Headers besides `host`, with names in lower case. */
  readonly headers?: HeaderList;
  /**
   * `{n}` starts again at 0 after this many requests, which gives that many keys. Default: it never
   * does.
   */
  readonly numbers?: number;
  readonly body?: string;
}

/** Times are milliseconds on the machine's steady clock, which all its processes share. */
export interface LoadAnswer {
  /** 0 when the connection or the stream ended without a status. */
  readonly status: number;
  /** The number that replaced `{n}`. */
  readonly number: number;
  readonly sentMs: number;
  /** When the answer was complete. */
  readonly answeredMs: number;
}

export interface LoadResult {
  /** In the order in which they came. */
  readonly answers: readonly LoadAnswer[];
  /** The number of answers with each status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** From the first request to the last answer. */
  readonly durationMs: number;
  /**
   * The latency, in milliseconds, that this share of the answers does not exceed.
   * @param share from 0 to 1; 0.5 is the median
   */
  latencyMs(share: number): number;
}

/**
 * What came back. It uses columns, because handing over a hundred thousand objects takes
 * long.
 */
export interface LoadColumns {
  readonly statuses: readonly number[];
  readonly numbers: readonly number[];
  readonly sentMs: readonly number[];
  readonly answeredMs: readonly number[];
}

/** What the process answers: what came back, or why it could not send. */
export type LoadReport = LoadColumns | { readonly failure: string };

/** Processes that wait for a load. They end with this process, which closes their channel. */
const idle: ChildProcess[] = [];

function startProcess(): ChildProcess {
  const child = fork(fileURLToPath(new URL("load-process.ts", import.meta.url)), {
    execArgv: ["--import", "tsx"],
    serialization: "advanced",
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  child.unref();
  return child;
}

/**
 * Sends requests until the time or their number is used up, and waits for the last answer.
 * @throws Error when the process fails, for example because nobody listens on the port
 */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const child = idle.pop() ?? startProcess();
  child.channel?.ref();
  const outcome = new AbortController();
  const { signal } = outcome;
  try {
    const ended = once(child, "close", { signal }).then(() => {
      throw new Error("the load ended before its time");
    });
    ended.catch(() => {});
    child.send(options);
    const [answer] = (await Promise.race([once(child, "message", { signal }), ended])) as [LoadReport];
    if ("failure" in answer) throw new Error(`the load ended before its time: ${answer.failure}`);
    child.channel?.unref();
    idle.push(child);
    return resultOf(answer);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  } finally {
    outcome.abort();
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
