// Reads the options that describe one Envoy in front of running services: `URL`, `NAME=URL`,
// `FILTER=FILE`, and those about routes. Pure.

import type { z } from "zod";
import type { RouteActionOptions } from "../../envoy/config/route.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { FilterChain } from "../../filters/descriptor.js";
import type { PathRule } from "../filter-paths.js";
import {
  addressSchema,
  type EdgeSettings,
  idleTimeoutSchema,
  type ListenerSettings,
  maxStreamDurationSchema,
} from "../listener-options.js";
import { pathPrefixSchema } from "../path-prefix.js";
import { retriesSchema } from "../retry-options.js";
import { perTryTimeoutProblem, routeAction, timeoutSchema } from "../route-options.js";
import { parseUpstreamUrl, type UpstreamAddress } from "../upstream-url.js";
import { isUpstreamName } from "./clusters.js";

/** The services behind the Envoy. */
export interface Upstreams {
  /** The service that gets every request that no filter sends elsewhere. */
  readonly fallback: UpstreamAddress;
  /** The services by the names of their destinations. */
  readonly named: Readonly<Record<string, UpstreamAddress>>;
}

/** A filter and the file of its settings. */
export interface FilterFile {
  /** A name or a folder, as `findMember` expects it. */
  readonly filter: string;
  readonly file: string;
  /** The upstreams' chain, where the person says so. */
  readonly chain?: FilterChain;
  /** The paths on which it runs. Default: all. */
  readonly paths?: readonly PathRule[];
}

/** A file of Envoy's own filters, and its place: before the filter with this index. */
export interface NativeFile {
  readonly file: string;
  readonly before: number;
}

/**
 * Reads `URL` and `NAME=URL`. The upstream without a name gets every request that no filter sends
 * elsewhere; where all have names, the first does. Throws `MeshwrightError("usage")`.
 */
export function parseUpstreams(words: readonly string[]): Upstreams {
  const upstreams = words.map(parseUpstream);
  const [first] = upstreams;
  if (first === undefined) throw usage("name the service behind Envoy: --upstream http://127.0.0.1:8080");
  const unnamed = upstreams.filter((upstream) => upstream.name === undefined);
  if (unnamed.length > 1) {
    throw usage(
      "--upstream without a name takes all other traffic and may be given once; name the others: v1=URL",
    );
  }
  const named: Record<string, UpstreamAddress> = {};
  for (const { name, address } of upstreams) {
    if (name === undefined) continue;
    if (Object.hasOwn(named, name))
      throw usage(`--upstream ${name}=… is given twice; a destination has one address`);
    named[name] = address;
  }
  return { fallback: (unnamed[0] ?? first).address, named };
}

function parseUpstream(word: string): { name: string | undefined; address: UpstreamAddress } {
  const [, name, text = word] = /^([^:/?#=]*)=(.*)$/.exec(word) ?? [];
  if (name !== undefined && !isName(name)) {
    throw usage(`--upstream ${word}: a destination's name is 1 to 64 letters, digits, "_", "." or "-"`);
  }
  return { name, address: addressOf(text, `--upstream ${word}`) };
}

/**
 * Reads `NAME=URL` of the services that filters call over gRPC. Throws `MeshwrightError("usage")`.
 */
export function parseGrpcServices(words: readonly string[]): Readonly<Record<string, UpstreamAddress>> {
  return parseServices("--grpc-service", words);
}

/**
 * Reads `NAME=URL` of the services that filters call over HTTP. Throws `MeshwrightError("usage")`.
 * @param taken the names of the gRPC services
 */
export function parseHttpServices(
  words: readonly string[],
  taken: readonly string[] = [],
): Readonly<Record<string, UpstreamAddress>> {
  const services = parseServices("--http-service", words);
  const both = Object.keys(services).find((name) => taken.includes(name));
  if (both === undefined) return services;
  throw usage(`--http-service ${both}=…: a --grpc-service has this name; choose another name`);
}

function parseServices(
  option: "--grpc-service" | "--http-service",
  words: readonly string[],
): Readonly<Record<string, UpstreamAddress>> {
  const services: Record<string, UpstreamAddress> = {};
  for (const word of words) {
    const [, name, text] = /^([^:/?#=]*)=(.*)$/.exec(word) ?? [];
    const where = `${option} ${word}`;
    if (name === undefined || text === undefined) {
      throw usage(`${where}: write it as NAME=URL, as in ${EXAMPLES[option]}`);
    }
    if (!isName(name)) throw usage(`${where}: a service's name is 1 to 64 letters, digits, "_", "." or "-"`);
    if (isUpstreamName(name))
      throw usage(`${where}: an upstream has this name in Envoy; choose another name`);
    if (Object.hasOwn(services, name)) {
      throw usage(`${option} ${name}=… is given twice; a service has one address`);
    }
    services[name] = addressOf(text, where);
  }
  return services;
}

const EXAMPLES = {
  "--grpc-service": "ratelimit=http://127.0.0.1:8081",
  "--http-service": "keys=http://127.0.0.1:8082",
};

/** The name becomes a key of an object and part of the names of metrics. */
function isName(text: string): boolean {
  return text !== "__proto__" && /^[A-Za-z0-9_.-]{1,64}$/.test(text);
}

function addressOf(text: string, option: string): UpstreamAddress {
  const parsed = parseUpstreamUrl(text);
  if (!parsed.ok) throw usage(`${option}: ${parsed.reason}`);
  return parsed.value;
}

/** The values of the options about routes, as they were written. */
export interface RouteWords {
  readonly timeout?: string | undefined;
  /** Conditions and statuses, separated by commas. */
  readonly retryOn?: string | undefined;
  readonly retries?: number | undefined;
  readonly perTryTimeout?: string | undefined;
}

/** Throws `MeshwrightError("usage")`. */
export function parseRoute(words: RouteWords): RouteActionOptions {
  const { timeout, retryOn, retries: attempts, perTryTimeout } = words;
  if (timeout !== undefined) checkWord(timeoutSchema, timeout, `--timeout ${timeout}`);
  if (retryOn === undefined) {
    const alone = attempts === undefined ? perTryTimeout && "--per-try-timeout" : "--retries";
    if (alone) throw usage(`${alone} needs --retry-on, as in --retry-on 5xx,connect-failure`);
    return routeAction({ timeout });
  }
  const { on, attempts: count, perTryTimeout: perTry } = retriesSchema.shape;
  const conditions = retryOn
    .split(",")
    .map((word) => word.trim())
    .map((word) => (/^\d+$/.test(word) ? Number(word) : word));
  const retries = {
    on: checkWord(on, conditions, `--retry-on ${retryOn}`),
    attempts: checkWord(count, attempts, `--retries ${attempts}`),
    perTryTimeout: checkWord(perTry, perTryTimeout, `--per-try-timeout ${perTryTimeout}`),
  };
  const problem = perTryTimeoutProblem({ timeout, retries });
  if (problem !== undefined) throw usage(`--per-try-timeout ${perTryTimeout}: ${problem}`);
  return routeAction({ timeout, retries });
}

function checkWord<T extends z.ZodType>(schema: T, value: unknown, option: string): z.output<T> {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  throw usage(`${option}: ${checked.error.issues[0]?.message}`);
}

/** The values of the options about the listener, as they were written. */
export interface ListenerWords extends Pick<ListenerSettings, "http10" | "mergeSlashes"> {
  readonly listen?: string | undefined;
  readonly trustedHops?: number | undefined;
  readonly escapedSlashes?: EdgeSettings["escapedSlashes"];
  readonly idleTimeout?: string | undefined;
  readonly maxStreamDuration?: string | undefined;
}

/** Throws `MeshwrightError("usage")`. */
export function parseListener(words: ListenerWords): ListenerSettings & EdgeSettings {
  const { listen, trustedHops, escapedSlashes, http10, mergeSlashes, idleTimeout, maxStreamDuration } = words;
  const address = listen === undefined ? undefined : listeningAddress(listen);
  if (idleTimeout !== undefined) checkWord(idleTimeoutSchema, idleTimeout, `--idle-timeout ${idleTimeout}`);
  if (maxStreamDuration !== undefined) {
    checkWord(maxStreamDurationSchema, maxStreamDuration, `--max-stream-duration ${maxStreamDuration}`);
  }
  return { address, trustedHops, escapedSlashes, http10, mergeSlashes, idleTimeout, maxStreamDuration };
}

function listeningAddress(text: string): string {
  const checked = addressSchema.safeParse(text);
  if (checked.success) return checked.data;
  throw usage(`--listen ${text}: ${checked.error.issues[0]?.message}; --port has the port`);
}

/**
 * Reads `FILTER=FILE`, `FILTER@upstream=FILE` and `FILTER@/PREFIX=FILE`, in the order in which a
 * request passes the filters. Throws `MeshwrightError("usage")`.
 */
export function parseFilterFiles(words: readonly string[]): readonly FilterFile[] {
  return words.map((word): FilterFile => {
    const [, before, file] = /^([^=]+)=(.+)$/.exec(word) ?? [];
    if (before === undefined || file === undefined) {
      throw usage(`--filter ${word}: write it as NAME=FILE, as in my-filter=settings.yaml`);
    }
    if (before.endsWith("@downstream")) {
      throw usage(
        `--filter ${word}: without @upstream a filter stands in the listener's chain; omit @downstream`,
      );
    }
    return { ...parseFilterWord(before, `--filter ${word}`), file };
  });
}

/**
 * Reads what stands before the file: `FILTER`, `FILTER@upstream`, `FILTER@/PREFIX`. Throws
 * `MeshwrightError("usage")`.
 * @param where what the error names
 */
export function parseFilterWord(text: string, where: string): Omit<FilterFile, "file"> {
  const [, filter = text, chain, paths] = /^(.+?)(@upstream)?(?:@(-?\/.*))?$/.exec(text) ?? [];
  return {
    filter,
    ...(chain === undefined ? {} : { chain: "upstream" }),
    ...(paths === undefined ? {} : { paths: parsePaths(paths, where) }),
  };
}

/** Prefixes, separated by commas; `-` before one says that the filter does not run there. */
function parsePaths(text: string, option: string): readonly PathRule[] {
  const rules = text.split(",").map((word): PathRule => {
    const prefix = checkWord(pathPrefixSchema, word.replace(/^-/, ""), `${option}: the prefix "${word}"`);
    return word.startsWith("-") ? { prefix, disabled: true } : { prefix };
  });
  const twice = rules.find(({ prefix }, i) => rules.findIndex((rule) => rule.prefix === prefix) < i);
  if (twice !== undefined) throw usage(`${option}: the prefix "${twice.prefix}" is there twice`);
  if (rules.every(({ disabled }) => disabled))
    throw usage(`${option}: names no path on which the filter runs; begin with "/", as in @/,-/healthz`);
  return rules;
}

function usage(message: string): MeshwrightError {
  return new MeshwrightError("usage", message);
}
