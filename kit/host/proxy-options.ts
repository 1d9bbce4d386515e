// What a proxy in process is made of, and the error for what it cannot be made of.

import type { DestinationRoutesOptions } from "../../envoy/config/route.js";
import type { WasmFilterOptions } from "../../envoy/config/wasm.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { HeaderList, UpstreamRequest, UpstreamResponse } from "../traffic.js";

/**
 * A filter of a chain. `module` is the path of a .wasm file, or the name of a filter that is built.
 */
export type HostedFilter = WasmFilterOptions;

/**
 * What an upstream answers. `attempt` counts from 1 for each request. Without an answer the test
 * gives it later, through `proxy.attempts`, or `proxy.httpCalls` where a filter called.
 */
export type Respond = (request: UpstreamRequest, attempt: number) => UpstreamResponse | undefined;

/**
 * A gRPC method's answer: bytes are one message, a list is a stream of them, and a status other
 * than 0 ends it.
 */
export interface GrpcAnswer {
  readonly initialMetadata?: HeaderList;
  readonly messages?: readonly (string | Uint8Array)[];
  readonly trailingMetadata?: HeaderList;
  /** Default: 0, OK. */
  readonly status?: number;
  readonly message?: string;
  /** On the test's clock, in milliseconds. Default: 0. */
  readonly delayMs?: number;
}

/** Without an answer the test gives it later, through `proxy.grpcCalls`. */
export type GrpcRespond = (
  message: Buffer,
  metadata: HeaderList,
) => GrpcAnswer | string | Uint8Array | undefined;

export type ScriptedUpstream =
  | Respond
  | {
      /** Default: 200 with an empty body. */
      readonly respond?: Respond;
      /** By path, such as `/test.Echo/Say`; answers calls of filters. */
      readonly grpc?: Readonly<Record<string, GrpcRespond>>;
      /** What requests and answers look like on its side. Default: `http1`. */
      readonly protocol?: "http1" | "http2";
      /** Nobody listens: every connection is refused. Default: false. */
      readonly isStopped?: boolean;
    };

export interface ProxyOptions {
  /** The listener's chain, in its order. Every name in both chains must be another. */
  readonly filters?: readonly HostedFilter[];
  /** The chain of every upstream's cluster: it sees every attempt. */
  readonly upstreamFilters?: readonly HostedFilter[];
  /** By destination's name. Default: one, `upstream`, that answers 200 with an empty body. */
  readonly upstreams?: Readonly<Record<string, ScriptedUpstream>>;
  /**
   * The destination of a request whose header names none of `upstreams`. Default: the first of
   * them.
   */
  readonly defaultUpstream?: string;
  /** Of every route: the header that names the destination, the timeout, the host, retries. */
  readonly routeOptions?: Omit<DestinationRoutesOptions, "destinations" | "fallback">;
  /** 1 to 64. Default: 2, so that what one worker alone knows shows. */
  readonly workers?: number;
  /** Of all that is random: a whole number. Default: 1. */
  readonly seed?: number;
  /** Log level, 0 trace to 5 critical: a line below it is dropped. Default: 2, info. */
  readonly logLevel?: number;
  /** Bytes of a body that may be held, 1 or more. Default: 1 MiB. */
  readonly bufferLimit?: number;
}

/** The upstream of a proxy to which none was given. */
export const DEFAULT_UPSTREAM = "upstream";

export function refused(message: string): MeshwrightError {
  return new MeshwrightError("configuration", message);
}
