// What stands around the VMs: the clock, what they share, and how Envoy is set up.

import { Clock } from "./clock.js";
import { Metrics } from "./metrics.js";
import { SharedData, SharedQueues } from "./shared.js";

export interface HostOptions {
  /** Default "". */
  readonly vmId?: string;
  readonly vmConfiguration?: string | Uint8Array;
  /** Log level, 0 trace to 5 critical: a line below it is dropped. Default 2, info. */
  readonly logLevel?: number;
  /** Clusters that calls may go to. Default: any. */
  readonly clusters?: readonly string[];
  /** Environment variables of the VM. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Bytes of a body that may be held: beyond them Envoy answers 413 or 500. Default 1 MiB, as a listener's. */
  readonly bufferLimit?: number;
  /** Envoy's `allow_on_headers_stop_iteration`. Default false: `StopIteration` for headers holds the body too. */
  readonly allowOnHeadersStopIteration?: boolean;
}

export interface HostSettings {
  readonly vmId: string;
  readonly vmConfiguration: Buffer;
  readonly logLevel: number;
  readonly clusters: ReadonlySet<string> | undefined;
  readonly environment: readonly string[];
  readonly bufferLimit: number;
  readonly allowOnHeadersStopIteration: boolean;
}

/** A function of Envoy's that a module calls by name. Without an answer the module gets an empty one. */
export type ForeignFunction = (
  args: Buffer,
) => { readonly status?: number; readonly result?: Uint8Array } | undefined;

export class Host {
  readonly clock = new Clock();
  readonly metrics = new Metrics();
  readonly sharedData = new SharedData();
  readonly sharedQueues = new SharedQueues();
  /** By name; a test adds its own. */
  readonly foreignFunctions = new Map<string, ForeignFunction>([["clear_route_cache", () => undefined]]);
}

export function settingsOf(options: HostOptions): HostSettings {
  return {
    vmId: options.vmId ?? "",
    vmConfiguration: Buffer.from((options.vmConfiguration ?? "") as string),
    logLevel: options.logLevel ?? 2,
    clusters: options.clusters === undefined ? undefined : new Set(options.clusters),
    environment: Object.entries(options.environment ?? {}).map(([name, value]) => `${name}=${value}\0`),
    bufferLimit: options.bufferLimit ?? 1024 * 1024,
    allowOnHeadersStopIteration: options.allowOnHeadersStopIteration ?? false,
  };
}
