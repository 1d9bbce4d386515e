// The parts that a matcher looks at, in whatever it gets. It needs only that the parts exist, and
// says what it expected when they do not.

import { MeshwrightError } from "../../envoy/errors.js";
import type { LocalReply } from "../host/context.js";
import type { HostedTrap } from "../host/proxy-filters.js";
import type { LogLine } from "../host/vm.js";
import type { HeaderList, UpstreamRequest } from "../traffic.js";

type Parts = Readonly<Record<string, unknown>>;

const MESSAGE = "a response, a request, an exchange, a stream or a list of headers";

/** A response or a request, as headers, trailers and status. */
export interface Message {
  readonly headers: HeaderList;
  readonly trailers: HeaderList;
  /** NaN when there is none. */
  readonly status: number;
}

/**
 * The message in `subject`: itself, or the response of an exchange or a stream.
 * @throws MeshwrightError `usage` when it has none, or none yet
 */
export function messageOf(subject: unknown, matcher: string): Message {
  if (isHeaderList(subject)) return message(subject, []);
  const { headerList, trailerList, headers, trailers, status, client } = partsOf(subject);
  // A side of a stream that got nothing yet has no headers, not even `:status`.
  if (isHeaderList(headerList) && headerList.length > 0) return message(headerList, trailerList);
  if (isHeaderList(headers)) return message(headers, trailers, status);
  if (subject instanceof Object && "response" in subject) {
    if (subject.response === undefined) throw nothingYet(matcher);
    return messageOf(subject.response, matcher);
  }
  if (client !== undefined) return messageOf(client, matcher);
  throw headerList === undefined ? unfit(matcher, MESSAGE, subject) : nothingYet(matcher);
}

function message(headers: HeaderList, trailers: unknown, status?: unknown): Message {
  const pseudo = headers.find(([name]) => name === ":status")?.[1];
  return {
    headers,
    trailers: isHeaderList(trailers) ? trailers : [],
    status: typeof status === "number" ? status : Number(pseudo),
  };
}

/** A filter's own answer, or undefined when no filter gave one. */
export function localReplyOf(subject: unknown, matcher: string): LocalReply | undefined {
  if (!(subject instanceof Object && ("localReply" in subject || "response" in subject))) {
    throw unfit(matcher, "an exchange or a stream", subject);
  }
  return partsOf(subject).localReply as LocalReply | undefined;
}

export function logsOf(subject: unknown, matcher: string): readonly LogLine[] {
  const { logs } = partsOf(subject);
  if (typeof logs === "function" && "accessLog" in (subject as object)) {
    throw new MeshwrightError(
      "usage",
      `${matcher} asks for a module or a proxy in process; of an Envoy: await expect.poll(() => envoy.logs()).toContain("…")`,
    );
  }
  if (!Array.isArray(logs)) throw unfit(matcher, "a module or a proxy, which has `logs`", subject);
  return logs as readonly LogLine[];
}

export function metricsOf(subject: unknown, matcher: string): ReadonlyMap<string, number> {
  const { metrics } = partsOf(subject);
  if (!(metrics instanceof Map)) throw unfit(matcher, "a module or a proxy, which has `metrics`", subject);
  return metrics as ReadonlyMap<string, number>;
}

/**
 * The requests that an upstream got: `subject` itself, a proxy's upstream with that name, or the
 * proxy's first.
 */
export function requestsOf(subject: unknown, matcher: string, upstream?: string): readonly UpstreamRequest[] {
  const { upstreamSaw, requests } = partsOf(subject);
  if (typeof upstreamSaw === "function") {
    return upstreamSaw.call(subject, upstream) as readonly UpstreamRequest[];
  }
  if (Array.isArray(requests) && upstream === undefined) return requests as readonly UpstreamRequest[];
  throw unfit(matcher, "a proxy, which has `upstreamSaw`, or an upstream without a name", subject);
}

/** What ended the VMs of a proxy's filters, in words; none for another subject. */
export function trapsOf(subject: unknown): readonly string[] {
  const { traps } = partsOf(subject);
  if (!Array.isArray(traps)) return [];
  return (traps as readonly HostedTrap[]).map(
    ({ filter, callback, message: text }) => `Filter ${filter} trapped in ${callback}: ${text}`,
  );
}

function partsOf(subject: unknown): Parts {
  return subject instanceof Object ? (subject as Parts) : {};
}

function isHeaderList(value: unknown): value is HeaderList {
  return Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2);
}

function nothingYet(matcher: string): MeshwrightError {
  return new MeshwrightError(
    "usage",
    `${matcher}: nothing came there yet: answer what waits, or advance the clock, before you ask`,
  );
}

function unfit(matcher: string, wanted: string, subject: unknown): MeshwrightError {
  const given =
    subject instanceof Object
      ? `an object with ${Object.keys(subject).join(", ") || "nothing in it"}`
      : String(subject);
  return new MeshwrightError("usage", `${matcher} asks for ${wanted}, and got ${given.slice(0, 200)}`);
}
