// Matchers for what filters did apart from messages: their own answers, log lines and metrics, and
// whether a request reached its upstream.

import type { MatcherState } from "vitest";
import type { LocalReply } from "../host/context.js";
import type { MatcherResult } from "./headers.js";
import { localReplyOf, logsOf, messageOf, metricsOf, requestsOf, trapsOf } from "./subject.js";
import { hint, isSuch, listed, oneLine, suggestion, wanted } from "./words.js";

/** The levels of log lines, as proxy-wasm names them. */
export type LogLevelName = "trace" | "debug" | "info" | "warn" | "error" | "critical";
const LEVELS: readonly LogLevelName[] = ["trace", "debug", "info", "warn", "error", "critical"];

/** Envoy's details of the answer that it gives for a filter whose VM has ended. */
const TRAP_DETAILS = "wasm_fail_stream";

/** What a filter's own answer must be. A part that is left out may have any value. */
export interface ExpectedLocalReply {
  readonly status?: number;
  readonly body?: string | RegExp;
  /** With `_` for each space, as Envoy has them. */
  readonly details?: string | RegExp;
  /** 0 to 16. */
  readonly grpcStatus?: number;
}

export function toBeLocalReply(
  this: MatcherState,
  received: unknown,
  reply: ExpectedLocalReply = {},
): MatcherResult {
  const actual = localReplyOf(received, "toBeLocalReply");
  const wrong = actual === undefined ? [] : differencesOf(actual, reply);
  return {
    pass: actual !== undefined && wrong.length === 0,
    message: () => {
      const head = hint(this, "toBeLocalReply", reply);
      const isOfTrap = actual?.details === TRAP_DETAILS && trapsOf(received).length > 0;
      if (actual === undefined || isOfTrap) {
        return `${head}\nNo filter answered by itself${statusOf(received)}.`;
      }
      const { headers, ...rest } = actual;
      const plain = { ...rest, headers: headers.map((pair) => pair.join(": ")).join(", ") };
      const ownAnswer = oneLine(plain, this.utils.printReceived);
      const told = wrong.flatMap((part) => [
        wanted(this, part, reply[part]),
        `Received: ${this.utils.printReceived(actual[part])}`,
      ]);
      return [head, ...told, `The filter's own answer: ${ownAnswer}`].join("\n");
    },
  };
}

function differencesOf(actual: LocalReply, expected: ExpectedLocalReply): (keyof ExpectedLocalReply)[] {
  const parts = Object.keys(expected) as (keyof ExpectedLocalReply)[];
  return parts.filter((part) => {
    const asked = expected[part];
    if (asked === undefined) return false;
    const given = actual[part];
    return typeof given === "string" && typeof asked !== "number" ? !isSuch(given, asked) : given !== asked;
  });
}

function statusOf(received: unknown): string {
  const { response, client } = received as { readonly response?: unknown; readonly client?: unknown };
  if (response === undefined && client === undefined) return "";
  try {
    return `: the client got status ${messageOf(received, "").status}`;
  } catch {
    return ", and nothing else has answered yet";
  }
}

export function toHaveLogged(
  this: MatcherState,
  received: unknown,
  text: string | RegExp,
  level?: LogLevelName,
): MatcherResult {
  const logs = logsOf(received, "toHaveLogged");
  const found = logs.filter(
    (line) =>
      (level === undefined || LEVELS[line.level] === level) &&
      (typeof text === "string" ? line.text.includes(text) : isSuch(line.text, text)),
  );
  return {
    pass: found.length > 0,
    message: () => {
      const shown = (this.isNot ? found : logs).map((line) => `${LEVELS[line.level]} ${line.text}`);
      const what = level === undefined ? "a log line with" : `a log line of level ${level} with`;
      return [
        hint(this, "toHaveLogged", text, level),
        wanted(this, what, text),
        listed(this.isNot ? "such log lines" : "log lines", shown),
      ].join("\n");
    },
  };
}

export function toHaveMetric(
  this: MatcherState,
  received: unknown,
  name: string,
  value: number,
): MatcherResult {
  const metrics = metricsOf(received, "toHaveMetric");
  const actual = metrics.get(name);
  return {
    pass: actual === value,
    message: () =>
      [
        hint(this, "toHaveMetric", name, value),
        wanted(this, `metric ${name}`, value),
        actual === undefined
          ? `There is no such metric.${suggestion(name, [...metrics.keys()])}`
          : `Received: ${this.utils.printReceived(actual)}`,
        listed(
          "metrics",
          [...metrics].map(([each, number]) => `${each}: ${number}`),
        ),
      ].join("\n"),
  };
}

export function toHaveReached(
  this: MatcherState,
  received: unknown,
  upstream?: string,
  times?: number,
): MatcherResult {
  const requests = requestsOf(received, "toHaveReached", upstream);
  return {
    pass: times === undefined ? requests.length > 0 : requests.length === times,
    message: () =>
      [
        hint(this, "toHaveReached", upstream, times),
        wanted(this, `attempts at ${upstream ?? "the upstream"}`, times ?? "one or more"),
        `Received: ${this.utils.printReceived(requests.length)}`,
        listed(
          "attempts",
          requests.map(({ method, path }) => `${method} ${path}`),
        ),
      ].join("\n"),
  };
}
