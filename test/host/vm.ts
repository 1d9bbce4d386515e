// One VM with one module: its memory, the contexts in it, and the way in and out of it.

import { type AbiVersion, CALLBACKS, type CallbackName, Status } from "./abi.js";
import { callOutCalls } from "./calls/call-outs.js";
import { headerCalls } from "./calls/headers.js";
import { serviceCalls } from "./calls/services.js";
import { streamCalls } from "./calls/streams.js";
import { systemCalls } from "./calls/system.js";
import { wasiCalls } from "./calls/wasi.js";
import type { Context } from "./context.js";
import type { Host, HostSettings } from "./host.js";
import { InvalidMemoryAccess, Memory } from "./memory.js";
import { Trap } from "./trap.js";

export interface LogLine {
  readonly level: number;
  readonly text: string;
  /** The filter that wrote it; absent where the module did so before any filter of it started. */
  readonly filter?: string;
  /** In a proxy: the worker, from 0; -1 is the main thread. */
  readonly worker?: number;
}

export type Callback = (id: number, a: number, b: number, c: number, d: number) => number | undefined;

/** A host call, of any number of integers; one of 64 bits comes as a bigint. */
export type HostCall = (...args: never[]) => number;
export type HostCalls = Readonly<Record<string, HostCall>>;

/** Result of a callback that asked for a local reply, whatever it returned: larger than any status, so that the stream stops. */
const STOP = 255;
/** Result where the VM has ended, and its owner was told of the trap. */
export const FAILED = 256;
const EFAULT = 21;
/** The level of an abort's log line. */
const CRITICAL = 5;

/** Calls that a module may make before its plugins start, and those that its allocator may make. A trap otherwise, as in Envoy. */
const AT_START =
  /^(proxy_log|fd_write|args_.*|environ_.*|clock_.*|random_get|poll_oneoff|fd_.*|path_.*|sock_.*)$/;
const IN_ALLOCATOR = /^(proxy_log|fd_write|clock_time_get|poll_oneoff)$/;

type Allowed = "any" | "at-start" | "in-allocator" | "none";

export class Vm {
  readonly abi: AbiVersion;
  readonly on: Readonly<Record<CallbackName, Callback | undefined>>;
  readonly memory: Memory;
  /** Those of the host. */
  readonly logs: LogLine[];
  /** In a proxy: the worker that it belongs to. */
  worker: number | undefined;
  /** What ended the VM. */
  trap: Trap | undefined;
  /** Is told of the trap that ends the VM. Without it the trap goes on to whoever entered. */
  onTrap: ((trap: Trap, context: Context, callback: string) => void) | undefined;

  private readonly contexts = new Map<number, Context>();
  private nextContextId = 1;
  private readonly nextTokens = { http: 0, unary: 1, stream: 2 };
  private current: Context | undefined;
  private effectiveId = 0;
  private stopNext = false;
  private allowed: Allowed = "none";
  private afterCallTasks: (() => void)[] = [];
  private readonly callNames: string[] = [];
  private callCounts = new Uint32Array(128);

  constructor(
    module: WebAssembly.Module,
    readonly host: Host,
    readonly options: HostSettings,
    /** The module's file, where it has one: a trap's lines of source are looked for beside it. */
    private readonly path?: string,
  ) {
    this.logs = host.logs;
    this.abi = abiOf(module);
    const instance = new WebAssembly.Instance(module, this.imports());
    const exports = instance.exports as Record<string, Callback | undefined>;
    const allocate = exports.malloc ?? exports.proxy_on_memory_allocate;
    if (allocate === undefined)
      throw new Error("the module exports no malloc and no proxy_on_memory_allocate");
    this.on = Object.fromEntries(CALLBACKS.map((name) => [name, exports[name]])) as Vm["on"];
    this.memory = new Memory(instance.exports.memory as WebAssembly.Memory, (size) =>
      this.allocate(allocate as unknown as (size: number) => number, size),
    );
    try {
      this.start(exports);
    } catch (error) {
      throw this.trapOf(error);
    }
  }

  private start(exports: Record<string, Callback | undefined>): void {
    this.allowed = "at-start";
    const run = (callback: Callback | undefined) => callback?.(0, 0, 0, 0, 0);
    if (exports._initialize) {
      exports._initialize(0, 0, 0, 0, 0);
      run(exports.main ?? exports.__main_void);
    } else run(exports._start);
    this.allowed = "any";
  }

  private trapOf(error: unknown): Trap {
    const lastWords = this.logs.findLast(({ level }) => level === CRITICAL)?.text;
    return error instanceof Trap ? error : new Trap(error, this.path, lastWords);
  }

  private allocate(allocate: (size: number) => number, size: number): number {
    const { allowed, current, effectiveId } = this;
    this.allowed = "in-allocator";
    const ptr = allocate(size);
    this.allowed = allowed;
    this.current = current;
    this.effectiveId = effectiveId;
    return ptr;
  }

  /** Calls the module about a context, and does afterwards what it asked for. Returns 0 where it exports no such callback. */
  enter(context: Context, callback: Callback | undefined, a = 0, b = 0, c = 0, d = 0): number {
    let result: number | undefined = 0;
    if (callback !== undefined) {
      if (this.trap !== undefined) return this.refuse(this.trap);
      const { current, effectiveId, host } = this;
      this.current = context;
      this.effectiveId = 0;
      host.depth++;
      try {
        result = callback(context.id, a, b, c, d);
      } catch (error) {
        result = this.end(error, context, callback);
      } finally {
        host.depth--;
        this.current = current;
        this.effectiveId = effectiveId;
      }
      if (this.stopNext) {
        this.stopNext = false;
        result = STOP;
      }
    }
    while (this.afterCallTasks.length > 0) this.afterCallTasks.shift()?.();
    return result ?? 0;
  }

  get hasEnded(): boolean {
    return this.trap !== undefined;
  }

  private refuse(trap: Trap): number {
    if (this.onTrap !== undefined) return FAILED;
    throw new Error("the VM has ended in a trap", { cause: trap });
  }

  private end(error: unknown, context: Context, callback: Callback): number {
    const trap = this.trapOf(error);
    this.trap = trap;
    this.allowed = "any";
    this.stopNext = false;
    if (this.onTrap === undefined) throw trap;
    this.onTrap(trap, context, CALLBACKS.find((name) => this.on[name] === callback) ?? "");
    return FAILED;
  }

  /** The context that host calls are about. */
  get context(): Context {
    const effective = this.effectiveId === 0 ? undefined : this.contexts.get(this.effectiveId);
    const context = effective ?? this.current;
    if (context === undefined) throw new Error("a host call outside of any callback");
    return context;
  }

  /** Keeps a line of the module's, of whatever filter's callback runs. */
  log(level: number, text: string): void {
    const { current, worker } = this;
    const filter = current === undefined ? undefined : this.context.root.plugin;
    this.logs.push({
      level,
      text,
      ...(filter === undefined ? {} : { filter }),
      ...(worker === undefined ? {} : { worker }),
    });
  }

  setEffective(id: number): number {
    if (!this.contexts.has(id)) return Status.BadArgument;
    this.effectiveId = id;
    return Status.Ok;
  }

  /** The callback that runs will stop its stream, whatever it returns. */
  stopIteration(): void {
    this.stopNext = true;
  }

  /** Runs `task` when the callback that runs, or the next one, has returned. */
  afterCall(task: () => void): void {
    this.afterCallTasks.push(task);
  }

  register(context: Context): number {
    const id = this.nextContextId++;
    this.contexts.set(id, context);
    return id;
  }

  unregister(context: Context): void {
    this.contexts.delete(context.id);
  }

  /** Tells a root that a queue has an entry, if it still lives then. */
  postQueueReady(rootId: number, token: number): void {
    this.host.post(() => {
      const root = this.contexts.get(rootId);
      if (root !== undefined) this.enter(root, this.on.proxy_on_queue_ready, token);
    });
  }

  nextToken(kind: "http" | "unary" | "stream"): number {
    this.nextTokens[kind] += 4;
    return this.nextTokens[kind];
  }

  /** How often each host call was made, in the order of `countedCalls`. */
  counts(): Uint32Array {
    return this.callCounts.slice(0, this.callNames.length);
  }

  /** Counts between two moments, by name. */
  countedCalls(after: Uint32Array, before?: Uint32Array): Map<string, number> {
    const calls = new Map<string, number>();
    this.callNames.forEach((name, i) => {
      const count = (after[i] ?? 0) - (before?.[i] ?? 0);
      if (count > 0) calls.set(name, count);
    });
    return calls;
  }

  /** Everything that Envoy links for a module of its ABI. */
  private imports(): Record<string, Record<string, LinkedCall>> {
    const env = this.link({
      ...headerCalls(this),
      ...streamCalls(this),
      ...serviceCalls(this),
      ...callOutCalls(this),
      ...systemCalls(this),
    });
    const wasi = this.link(wasiCalls(this), EFAULT);
    return { env, wasi_snapshot_preview1: wasi, wasi_unstable: wasi };
  }

  private link(
    calls: HostCalls,
    invalidMemory: number = Status.InvalidMemoryAccess,
  ): Record<string, LinkedCall> {
    return Object.fromEntries(
      Object.entries(calls).map(([name, call]) => [name, this.linked(name, call as AnyCall, invalidMemory)]),
    );
  }

  /** Counts the call, refuses it where Envoy does, and turns an address that is out of bounds into a status. */
  private linked(name: string, call: AnyCall, invalidMemory: number): LinkedCall {
    const index = this.callNames.push(name) - 1;
    const isAllowed = {
      "at-start": AT_START.test(name),
      "in-allocator": IN_ALLOCATOR.test(name),
      none: false,
    };
    const linked: AnyCall = (a, b, c, d, e, f, g, h, i, j, k, l) => {
      (this.callCounts[index] as number)++;
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

/** As the engine calls it: with numbers, or with bigints where the module's import has 64 bits. */
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

function abiOf(module: WebAssembly.Module): AbiVersion {
  const names = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  if (names.has("proxy_abi_version_0_2_1")) return "0.2.1";
  if (names.has("proxy_abi_version_0_2_0")) return "0.2.0";
  if (names.has("proxy_abi_version_0_1_0")) return "0.1.0";
  throw new Error("the module exports no ABI marker, such as proxy_abi_version_0_2_1: Envoy refuses it");
}
