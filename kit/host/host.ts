// The surroundings of the VMs: the clock, what they share, and how Envoy is set up.

import { randomFillSync } from "node:crypto";
import { deflateSync, inflateSync } from "node:zlib";
import { Status } from "./abi.js";
import type { GrpcCall, HttpCall } from "./call-outs.js";
import { Clock } from "./clock.js";
import { Metrics } from "./metrics.js";
import { SharedData, SharedQueues } from "./shared.js";
import type { LogLine } from "./vm.js";

export interface HostOptions {
  /** Default "". */
  readonly vmId?: string;
  readonly vmConfiguration?: string | Uint8Array;
  /** Log level, 0 trace to 5 critical: a line below it is dropped. Default 2, info. */
  readonly logLevel?: number;
  /** The clusters that calls may go to. Default: any. */
  readonly clusters?: readonly string[];
  /** Environment variables of the VM. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * How many bytes of a body may be held. Beyond them Envoy answers 413 or 500. Default 1 MiB, as
   * for a listener.
   */
  readonly bufferLimit?: number;
  /**
   * Envoy's `allow_on_headers_stop_iteration`. Default false: `StopIteration` for headers also
   * holds the body.
   */
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

/**
 * A function of Envoy that a module calls by name. When it returns nothing, the module gets an
 * empty result.
 */
export type ForeignFunction = (
  args: Buffer,
) => { readonly status?: number; readonly result?: Uint8Array } | undefined;

/** Answers the calls of filters, unless the test does. */
export interface CallServices {
  onHttpCall(call: HttpCall): void;
  onGrpcCall(call: GrpcCall): void;
  /** Called when a filter sends a message in a stream. */
  onGrpcMessage(call: GrpcCall, message: Buffer): void;
}

export class Host {
  readonly clock = new Clock();
  readonly metrics = new Metrics();
  readonly sharedQueues = new SharedQueues();
  /** The lines of all VMs, in order. */
  readonly logs: LogLine[] = [];
  /** Functions by name. A test adds its own. */
  readonly foreignFunctions = new Map<string, ForeignFunction>([
    ["clear_route_cache", () => undefined],
    ["compress", (bytes) => ({ result: deflateSync(bytes) })],
    ["uncompress", uncompress],
  ]);
  services: CallServices | undefined;
  /**
   * Called before each host call, with its name. A status that it returns is the call's result, and
   * the call is not made.
   */
  intercept: ((call: string) => number | undefined) | undefined;
  /** Fills the bytes for `random_get`. */
  fillRandom: (bytes: Uint8Array) => void = randomFillSync;
  /** The data that all VMs of one `vm_id` share. */
  sharedDataOf(vmId: string): SharedData {
    const data = this.sharedData.get(vmId) ?? new SharedData();
    this.sharedData.set(vmId, data);
    return data;
  }

  private readonly sharedData = new Map<string, SharedData>();
  /** How many callbacks are running, one within the other. */
  depth = 0;

  private posted: (() => void)[] = [];
  private settling = false;

  /** Runs `task` when everything that the current event has caused is done. */
  post(task: () => void): void {
    this.posted.push(task);
  }

  /** Ends an event. */
  settle(): void {
    if (this.settling || this.depth > 0 || this.posted.length === 0) return;
    this.settling = true;
    try {
      for (let task = this.posted.shift(); task !== undefined; task = this.posted.shift()) task();
    } finally {
      this.settling = false;
    }
  }
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

function uncompress(bytes: Buffer): ReturnType<ForeignFunction> {
  try {
    return { result: inflateSync(bytes) };
  } catch {
    return { status: Status.SerializationFailure };
  }
}
