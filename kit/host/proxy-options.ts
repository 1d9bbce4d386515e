// The options of a proxy in process, and the error for options of which none can be made.

import type { DestinationRoutesOptions } from "../../envoy/config/route.js";
import type { WasmFilterOptions } from "../../envoy/config/wasm.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { HeaderList, UpstreamRequest, UpstreamResponse } from "../traffic.js";

/** A filter of a chain. `module` is the path of a .wasm file, or the name of a built filter. */
export type HostedFilter = WasmFilterOptions;

/**
 * An upstream's answer. `attempt` counts from 1 for each request. If the result is undefined, the
 * test answers later, through `proxy.attempts`, or through `proxy.httpCalls` when a filter called.
 */
export type Respond = (request: UpstreamRequest, attempt: number) => UpstreamResponse | undefined;

/**
 * A gRPC method's answer. Bytes are one message, a list is a stream of messages, and a status other
 * than 0 ends the call.
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

/** If the result is undefined, the test answers later, through `proxy.grpcCalls`. */
export type GrpcRespond = (
  message: Buffer,
  metadata: HeaderList,
) => GrpcAnswer | string | Uint8Array | undefined;

export type ScriptedUpstream =
  | Respond
  | {
      /** Default: 200 with an empty body. */
      readonly respond?: Respond;
      /** Methods by path, such as `/test.Echo/Say`. They answer calls of filters. */
      readonly grpc?: Readonly<Record<string, GrpcRespond>>;
      /** The protocol on its side of the proxy. Default: `http1`. */
      readonly protocol?: "http1" | "http2";
      /** Whether nobody listens, so that every connection is refused. Default: false. */
      readonly isStopped?: boolean;
    };

export interface ProxyOptions {
  /** The listener's chain, in order. All names in both chains must differ. */
  readonly filters?: readonly HostedFilter[];
  /** The chain of every upstream's cluster, which sees every attempt. */
  readonly upstreamFilters?: readonly HostedFilter[];
  /** By the destination's name. Default: one, `upstream`, that answers 200 with an empty body. */
  readonly upstreams?: Readonly<Record<string, ScriptedUpstream>>;
  /**
   * The destination of a request whose header names none of `upstreams`. Default: the first one.
   */
  readonly defaultUpstream?: string;
  /**
   * Options of every route: the header that names the destination, the timeout, the host, retries.
   */
  readonly routeOptions?: Omit<DestinationRoutesOptions, "destinations" | "fallback">;
  /** 1 to 64. Default: 2, so that state which only one worker has becomes visible. */
  readonly workers?: number;
  /** The seed of everything random, a whole number. Default: 1. */
  readonly seed?: number;
  /** Log level, 0 trace to 5 critical: a line below it is dropped. Default: 2, info. */
  readonly logLevel?: number;
  /** How many bytes of a body may be held, 1 or more. Default: 1 MiB. */
  readonly bufferLimit?: number;
}

/** The name of the upstream when none was given. */
export const DEFAULT_UPSTREAM = "upstream";

export function refused(message: string): MeshwrightError {
  return new MeshwrightError("configuration", message);
}
