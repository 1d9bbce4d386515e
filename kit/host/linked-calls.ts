// The host calls as a module gets them. Calls that Envoy refuses are refused, every call is
// counted, and an address out of bounds gives a status.

import { Status } from "./abi.js";
import { callOutCalls } from "./calls/call-outs.js";
import { headerCalls } from "./calls/headers.js";
import { serviceCalls } from "./calls/services.js";
import { streamCalls } from "./calls/streams.js";
import { systemCalls } from "./calls/system.js";
import { wasiCalls } from "./calls/wasi.js";
import type { Host } from "./host.js";
import { InvalidMemoryAccess } from "./memory.js";
import type { HostCalls, Vm } from "./vm.js";

const EFAULT = 21;

/**
 * The calls that a module may make before its plugins start, and those that its allocator may make.
 * Any other call is a trap then, as in Envoy.
 */
const AT_START =
  /^(proxy_log|fd_write|args_.*|environ_.*|clock_.*|random_get|poll_oneoff|fd_.*|path_.*|sock_.*)$/;
const IN_ALLOCATOR = /^(proxy_log|fd_write|clock_time_get|poll_oneoff)$/;

/** What a module may call now. */
export type Allowed = "any" | "at-start" | "in-allocator" | "none";

type Imports = Record<string, Record<string, LinkedCall>>;

export class LinkedCalls {
  /** The imports for an instance, by module and name. */
  readonly imports: Imports;
  allowed: Allowed = "none";

  private readonly host: Host;
  private readonly names: string[] = [];
  private readonly numbers = new Uint32Array(128);

  constructor(vm: Vm) {
    this.host = vm.host;
    this.imports = this.link(vm);
  }

  /** How often each host call was made, in the order of `countedCalls`. */
  counts(): Uint32Array {
    return this.numbers.slice(0, this.names.length);
  }

  /** The counts between two moments, by name. */
  countedCalls(after: Uint32Array, before?: Uint32Array): Map<string, number> {
    const calls = new Map<string, number>();
    this.names.forEach((name, i) => {
      const count = (after[i] ?? 0) - (before?.[i] ?? 0);
      if (count > 0) calls.set(name, count);
    });
    return calls;
  }

  /** Everything that Envoy links for a module of its ABI. */
  private link(vm: Vm): Imports {
    const env = this.named({
      ...headerCalls(vm),
      ...streamCalls(vm),
      ...serviceCalls(vm),
      ...callOutCalls(vm),
      ...systemCalls(vm),
    });
    const wasi = this.named(wasiCalls(vm), EFAULT);
    return { env, wasi_snapshot_preview1: wasi, wasi_unstable: wasi };
  }

  private named(
    calls: HostCalls,
    invalidMemory: number = Status.InvalidMemoryAccess,
  ): Record<string, LinkedCall> {
    return Object.fromEntries(
      Object.entries(calls).map(([name, call]) => [name, this.linked(name, call as AnyCall, invalidMemory)]),
    );
  }

  /**
   * Counts the call, refuses it if Envoy does, and turns an address out of bounds into a status.
   */
  private linked(name: string, call: AnyCall, invalidMemory: number): LinkedCall {
    const index = this.names.push(name) - 1;
    const isAllowed = {
      "at-start": AT_START.test(name),
      "in-allocator": IN_ALLOCATOR.test(name),
      none: false,
    };
    const linked: AnyCall = (a, b, c, d, e, f, g, h, i, j, k, l) => {
      (this.numbers[index] as number)++;
      if (this.allowed !== "any" && !isAllowed[this.allowed]) throw new Error(`${name} is not allowed here`);
      const answer = this.host.intercept?.(name);
      if (answer !== undefined) return answer;
      try {
        return call(a, b, c, d, e, f, g, h, i, j, k, l);
      } catch (error) {
        if (error instanceof InvalidMemoryAccess) return invalidMemory;
        throw error;
      }
    };
    return linked as LinkedCall;
  }
}

/**
 * A call as the engine makes it: with numbers, or with bigints when the module's import has 64
 * bits.
 */
type LinkedCall = (...args: number[]) => number | undefined;
type Integer = number & bigint;
type AnyCall = (
  a: Integer,
  b: Integer,
  c: Integer,
  d: Integer,
  e: Integer,
  f: Integer,
  g: Integer,
  h: Integer,
  i: Integer,
  j: Integer,
  k: Integer,
  l: Integer,
) => number;
