// Refuses options of which no proxy can be made, and messages that nobody can send. An error says
// what is wrong, where, and what to do.

import { destinationRoutes } from "../../envoy/config/route.js";
import { wasmFilter } from "../../envoy/config/wasm.js";
import type { ClientRequest, HeaderList, UpstreamResponse } from "../traffic.js";
import { configurationBytes } from "./configuration.js";
import { DEFAULT_UPSTREAM, type GrpcAnswer, type ProxyOptions, refused } from "./proxy-options.js";

const MOST_WORKERS = 64;
const MOST_LOG_LEVEL = 5;
const [LEAST_STATUS, MOST_STATUS] = [200, 999];

/** A token, as HTTP defines it. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/**
 * Characters that a header value must not have, including every character of more than one byte.
 */
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const NOT_IN_PATH = /[\0\r\n]|[^\0-\xff]/;
const NOT_IN_METHOD = /[\0-\x20]|[^\0-\xff]|^$/;

const PROTOCOLS = ["http1", "http2"];
const FAULTS = ["reset", "reset-in-body", "never"];

/** @throws MeshwrightError `configuration` for options of which no proxy can be made */
export function checkOptions(options: ProxyOptions): void {
  const { filters = [], upstreamFilters = [], workers = 1, seed = 1, logLevel, bufferLimit } = options;
  checkWhole("workers", workers, 1, MOST_WORKERS);
  if (!Number.isSafeInteger(seed)) throw refused(`seed is ${seed}: give a whole number`);
  checkHostOptions({ logLevel, bufferLimit });
  const chains = [...filters, ...upstreamFilters];
  const names = chains.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw refused(`two filters are named "${twice}": give each a name of its own`);
  // These refuse values that Envoy's configuration cannot express.
  for (const filter of chains) {
    configurationBytes(filter.configuration, `the configuration of filter "${filter.name}"`);
    configurationBytes(filter.vmConfiguration, `the vmConfiguration of filter "${filter.name}"`);
    wasmFilter(filter);
  }
  destinationRoutes({ ...options.routeOptions, destinations: {}, fallback: DEFAULT_UPSTREAM });
  const { numRetries = 1 } = options.routeOptions?.retryPolicy ?? {};
  checkWhole("numRetries", numRetries, 0, 0xffff_ffff);
  checkUpstreams(options);
}

/**
 * @throws MeshwrightError `configuration` for an unknown log level, and for a buffer limit below 1
 */
export function checkHostOptions({
  logLevel = 0,
  bufferLimit = 1,
}: {
  readonly logLevel?: number | undefined;
  readonly bufferLimit?: number | undefined;
}): void {
  checkWhole("logLevel", logLevel, 0, MOST_LOG_LEVEL);
  checkWhole("bufferLimit", bufferLimit, 1, 0xffff_ffff);
}

function checkUpstreams({ upstreams = { [DEFAULT_UPSTREAM]: () => ({}) }, defaultUpstream }: ProxyOptions) {
  const names = Object.keys(upstreams);
  const [first] = names;
  if (first === undefined) {
    throw refused('upstreams is empty: give at least one, such as { shop: () => ({ body: "sold" }) }');
  }
  if (!names.includes(defaultUpstream ?? first)) {
    throw refused(
      `the default upstream ${defaultUpstream} is not one of upstreams: name one of [${names.join(", ")}]`,
    );
  }
  for (const [name, script] of Object.entries(upstreams)) {
    if (typeof script === "object")
      checkOneOf(`the protocol of upstream "${name}"`, script.protocol, PROTOCOLS);
  }
}

/** @throws MeshwrightError `configuration` for a time that cannot pass. 0 is allowed. */
export function checkMilliseconds(what: string, ms: number): void {
  if (Number.isFinite(ms) && ms >= 0) return;
  throw refused(`${what} is ${ms}, which is not a length of time: give a number of milliseconds, 0 or more`);
}

/** @throws MeshwrightError `configuration` for a request that no client can send */
export function checkRequest({ method, path, headers, trailers }: ClientRequest, protocol: string): void {
  checkOneOf("the protocol of the request", protocol, PROTOCOLS);
  if (method !== undefined && NOT_IN_METHOD.test(method)) {
    throw refused(`the method ${shown(method)} cannot be sent: give a word such as "GET"`);
  }
  if (path !== undefined && NOT_IN_PATH.test(path)) {
    throw refused(`the path ${shown(path)} cannot be sent: write odd bytes as %XX`);
  }
  checkHeaders("the request's headers", headers);
  checkHeaders("the request's trailers", trailers);
}

/**
 * @param whose the upstream's name
 * @throws MeshwrightError `configuration` for an answer that no server can give
 */
export function checkAnswer(whose: string, answer: UpstreamResponse): void {
  const where = `the answer of upstream "${whose}"`;
  const { status = LEAST_STATUS, delayMs = 0, pieceDelayMs = 0, fault } = answer;
  checkWhole(`the status in ${where}`, status, LEAST_STATUS, MOST_STATUS);
  checkMilliseconds(`delayMs in ${where}`, delayMs);
  checkMilliseconds(`pieceDelayMs in ${where}`, pieceDelayMs);
  checkOneOf(`the fault in ${where}`, fault, FAULTS);
  checkHeaders(`the headers in ${where}`, answer.headers);
  checkHeaders(`the trailers in ${where}`, answer.trailers);
}

/** The same for the answer of a gRPC method. */
export function checkGrpcAnswer(path: string, answer: GrpcAnswer): void {
  const where = `the answer of gRPC method ${path}`;
  checkWhole(`the status in ${where}`, answer.status ?? 0, 0, 0x7fff_ffff);
  checkMilliseconds(`delayMs in ${where}`, answer.delayMs ?? 0);
  checkHeaders(`initialMetadata in ${where}`, answer.initialMetadata);
  checkHeaders(`trailingMetadata in ${where}`, answer.trailingMetadata);
}

/** Whether a client or an upstream can send a header. */
export function isSendable([name, value]: readonly [string, string]): boolean {
  return TOKEN.test(name) && !NOT_IN_VALUE.test(value);
}

/**
 * @throws MeshwrightError `configuration` for a header that cannot be sent. Pseudo-headers have
 * options of their own.
 */
export function checkHeaders(where: string, headers: HeaderList = []): void {
  for (const [name, value] of headers) {
    if (!TOKEN.test(name)) {
      throw refused(`${where}: ${shown(name)} is not a header name: use letters, digits and -`);
    }
    if (typeof value !== "string" || NOT_IN_VALUE.test(value)) {
      throw refused(
        `${where}: the value ${shown(value)} of ${name} cannot be sent: give text of one byte a character, without control characters`,
      );
    }
  }
}

function checkWhole(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw refused(`${what} is ${value}: give a whole number from ${least} to ${most}`);
}

function checkOneOf(what: string, value: string | undefined, words: readonly string[]): void {
  if (value === undefined || words.includes(value)) return;
  throw refused(`${what} is ${shown(value)}: give one of ${words.join(", ")}`);
}

const MOST_SHOWN = 60;

/** A value in one line, whatever it is. */
function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}
