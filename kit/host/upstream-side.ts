// The upstreams behind the router, by name: what reached them, and who answers.

import { DESTINATION_HEADER } from "../../envoy/config/route.js";
import type { HeaderList, UpstreamRequest } from "../traffic.js";
import type { HeaderMap } from "./header-map.js";
import {
  DEFAULT_UPSTREAM,
  type GrpcRespond,
  type ProxyOptions,
  type Respond,
  refused,
  type ScriptedUpstream,
} from "./proxy-options.js";
import type { ResetReason } from "./retry.js";
import { wholeNumber } from "./routes.js";

/**
 * How many requests are kept for a test to look at. Property tests send more than memory can hold.
 */
const KEPT = 10_000;

export interface UpstreamSide {
  readonly name: string;
  readonly protocol: "http1" | "http2";
  readonly isStopped: boolean;
  readonly respond: Respond;
  readonly grpc: Readonly<Record<string, GrpcRespond>>;
  /** The requests that reached it, the oldest first. */
  readonly requests: UpstreamRequest[];
}

export type Upstreams = ReadonlyMap<string, UpstreamSide>;

/** The upstreams of the options, by name. */
export function upstreamsOf({ upstreams }: ProxyOptions): Upstreams {
  const all = upstreams ?? { [DEFAULT_UPSTREAM]: () => ({}) };
  return new Map(Object.entries(all).map(([name, script]) => [name, sideOf(name, script)]));
}

function sideOf(name: string, script: ScriptedUpstream): UpstreamSide {
  const { respond, grpc, protocol, isStopped } = typeof script === "function" ? { respond: script } : script;
  return {
    name,
    protocol: protocol ?? (grpc === undefined ? "http1" : "http2"),
    isStopped: isStopped ?? false,
    respond: respond ?? (() => ({})),
    grpc: grpc ?? {},
    requests: [],
  };
}

/** @throws MeshwrightError `configuration` when no upstream has that name */
export function upstreamNamed(upstreams: Upstreams, name: string | undefined): UpstreamSide {
  const side = name === undefined ? upstreams.values().next().value : upstreams.get(name);
  if (side === undefined) {
    const names = [...upstreams.keys()].join(", ");
    throw refused(
      `there is no upstream "${name}" in this proxy, only: ${names}; ${DESTINATION_HEADER} chooses one`,
    );
  }
  return side;
}

export function keep(side: UpstreamSide, request: UpstreamRequest): void {
  if (side.requests.length >= 2 * KEPT) side.requests.splice(0, KEPT);
  side.requests.push(request);
}

/** A request as it reached an upstream. */
export class ReceivedRequest implements UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderList;
  readonly pieces: Buffer[] = [];
  trailers: HeaderList = [];
  isWhole: boolean;
  /** The length of the body that the headers give. */
  private readonly length: number | undefined;
  private size = 0;

  constructor(map: HeaderMap, end: boolean, protocol: UpstreamSide["protocol"]) {
    this.method = map.get(":method") ?? "";
    this.path = map.get(":path") ?? "";
    this.isWhole = end;
    this.length = wholeNumber(map.get("content-length"));
    this.headers = protocol === "http2" ? map.entries.map(pair) : http1Headers(map, end);
  }

  get body(): string {
    return Buffer.concat(this.pieces).toString("utf8");
  }

  /** Whether more bytes came than the headers say. */
  get isTooLong(): boolean {
    return this.length !== undefined && this.size > this.length;
  }

  /** Whether fewer bytes came than the headers say, for a request that has ended. */
  get isTooShort(): boolean {
    return this.length !== undefined && this.size < this.length;
  }

  take(bytes: Buffer): void {
    if (bytes.length > 0) this.pieces.push(bytes);
    this.size += bytes.length;
  }

  /** With HTTP/1.1, bytes beyond the length do not belong to this request. */
  cutToLength(): void {
    const body = Buffer.concat(this.pieces).subarray(0, this.length);
    this.pieces.splice(0, this.pieces.length, body);
  }

  header(name: string): string | undefined {
    const key = name.toLowerCase();
    return this.headers.find(([other]) => other === key)?.[1];
  }
}

function pair([name, value]: readonly [string, string]): readonly [string, string] {
  return [name, value];
}

/** HTTP/1.1 writes the host first, and marks how a body without a length ends. */
function http1Headers(map: HeaderMap, end: boolean): HeaderList {
  const list: (readonly [string, string])[] = [["host", map.get(":authority") ?? ""]];
  let isCounted = false;
  for (const [name, value] of map.entries) {
    if (name.charCodeAt(0) === COLON) continue;
    list.push([name, value]);
    if (name === "content-length") isCounted = true;
  }
  if (isCounted) return list;
  if (!end) list.push(["transfer-encoding", "chunked"]);
  else if (!BODILESS.has(map.get(":method") ?? "")) list.push(["content-length", "0"]);
  return list;
}

const COLON = 0x3a;
/** Methods for which Envoy expects no body, so that it does not state that there is none. */
const BODILESS = new Set(["GET", "HEAD", "DELETE", "TRACE", "CONNECT"]);

/**
 * The body of Envoy's answer when the upstream gives none.
 * @param attempts how many were made
 */
export function resetText(reason: ResetReason, attempts: number): string {
  const again = attempts > 1 ? "retried and the latest " : "";
  const cause =
    reason === "remote connection failure"
      ? ", transport failure reason: delayed connect error: Connection refused"
      : "";
  return `upstream connect error or disconnect/reset before headers. ${again}reset reason: ${reason}${cause}`;
}
