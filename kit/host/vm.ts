// One VM with one module: its memory, the contexts in it, and the calls into it.

import type { AbiVersion } from "../../envoy/module/abi.js";
import { CALLBACKS, type CallbackName, Status } from "./abi.js";
import type { Context } from "./context.js";
import type { Host, HostSettings } from "./host.js";
import { LinkedCalls } from "./linked-calls.js";
import { Memory } from "./memory.js";
import { Trap } from "./trap.js";

export interface LogLine {
  readonly level: number;
  readonly text: string;
  /** The filter that wrote it; absent when the module did so before any of its filters started. */
  readonly filter?: string;
  /** In a proxy, the worker, from 0; -1 is the main thread. */
  readonly worker?: number;
}

export type Callback = (id: number, a: number, b: number, c: number, d: number) => number | undefined;

/** A host call, with any number of integers. An integer of 64 bits comes as a bigint. */
export type HostCall = (...args: never[]) => number;
export type HostCalls = Readonly<Record<string, HostCall>>;

/**
 * The result of a callback that asked for a local reply, whatever it returned. It is larger than
 * any status, so that the stream stops.
 */
const STOP = 255;
/** The result when the VM has ended and its owner was told of the trap. */
export const FAILED = 256;
/** The level of an abort's log line. */
const CRITICAL = 5;

export class Vm {
  readonly abi: AbiVersion;
  readonly on: Readonly<Record<CallbackName, Callback | undefined>>;
  readonly memory: Memory;
  /** The host's log lines. */
  readonly logs: LogLine[];
  /** In a proxy, the worker to which it belongs. */
  worker: number | undefined;
  /** What ended the VM. */
  trap: Trap | undefined;
  /** Called with the trap that ends the VM. Without it the trap reaches the caller. */
  onTrap: ((trap: Trap, context: Context, callback: string) => void) | undefined;

  /** The host calls that are linked to the module. */
  readonly calls: LinkedCalls;

  private readonly exported: Readonly<Record<string, unknown>>;
  private readonly contexts = new Map<number, Context>();
  private nextContextId = 1;
  private readonly nextTokens = { http: 0, unary: 1, stream: 2 };
  private current: Context | undefined;
  private effectiveId = 0;
  private stopNext = false;
  private afterCallTasks: (() => void)[] = [];

  constructor(
    module: WebAssembly.Module,
    readonly host: Host,
    readonly options: HostSettings,
    /** The module's file, if it has one. The source lines of a trap are looked for beside it. */
    private readonly path?: string,
  ) {
    this.logs = host.logs;
    this.abi = abiOf(module);
    this.calls = new LinkedCalls(this);
    const instance = new WebAssembly.Instance(module, this.calls.imports);
    const exports = instance.exports as Record<string, Callback | undefined>;
    const allocate = exports.malloc ?? exports.proxy_on_memory_allocate;
    if (allocate === undefined)
      throw new Error("the module exports no malloc and no proxy_on_memory_allocate");
    this.exported = instance.exports;
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
    this.calls.allowed = "at-start";
    const run = (callback: Callback | undefined) => callback?.(0, 0, 0, 0, 0);
    if (exports._initialize) {
      exports._initialize(0, 0, 0, 0, 0);
      run(exports.main ?? exports.__main_void);
    } else run(exports._start);
    this.calls.allowed = "any";
  }

  private trapOf(error: unknown): Trap {
    if (error instanceof Trap) return error;
    const own = this.logs.filter(({ worker }) => worker === this.worker);
    const lastWords = own.findLast(({ level }) => level === CRITICAL)?.text;
    return new Trap(
      error,
      this.path,
      lastWords,
      own.map(({ text }) => text),
    );
  }

  private allocate(allocate: (size: number) => number, size: number): number {
    const { current, effectiveId } = this;
    const { allowed } = this.calls;
    this.calls.allowed = "in-allocator";
    const ptr = allocate(size);
    this.calls.allowed = allowed;
    this.current = current;
    this.effectiveId = effectiveId;
    return ptr;
  }

  /**
   * Calls the module for a context, and then does what it asked for. Returns 0 when the module does
   * not export the callback.
   */
  enter(context: Context, callback: Callback | undefined, a = 0, b = 0, c = 0, d = 0): number {
    const result = callback === undefined ? 0 : this.run(context, callback, a, b, c, d);
    while (this.afterCallTasks.length > 0) this.afterCallTasks.shift()?.();
    return result;
  }

  private run(context: Context, callback: Callback, a: number, b: number, c: number, d: number): number {
    if (this.trap !== undefined) return this.refuse(this.trap);
    const { current, effectiveId, host } = this;
    this.current = context;
    this.effectiveId = 0;
    host.depth++;
    let result: number | undefined;
    try {
      result = callback(context.id, a, b, c, d);
    } catch (error) {
      result = this.end(error, context, callback);
    } finally {
      host.depth--;
      this.current = current;
      this.effectiveId = effectiveId;
    }
    if (!this.stopNext) return result ?? 0;
    this.stopNext = false;
    return STOP;
  }

  /** The number that an exported global has now; `undefined` where there is none. */
  globalOf(name: string): number | undefined {
    const { value } = (this.exported[name] ?? {}) as { readonly value?: unknown };
    return typeof value === "number" ? value : undefined;
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
    this.calls.allowed = "any";
    this.stopNext = false;
    if (this.onTrap === undefined) throw trap;
    const name = CALLBACKS.find((each) => this.on[each] === callback);
    this.onTrap(trap, context, name ?? "");
    // This comes before anything that the callback asked for.
    context.onTrap(name);
    return FAILED;
  }

  /** The context that host calls are about. */
  get context(): Context {
    const effective = this.effectiveId === 0 ? undefined : this.contexts.get(this.effectiveId);
    const context = effective ?? this.current;
    if (context === undefined) throw new Error("a host call outside of any callback");
    return context;
  }

  /** Keeps a line of the module, for the filter whose callback runs. */
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

  /** Makes the running callback stop its stream, whatever it returns. */
  stopIteration(): void {
    this.stopNext = true;
  }

  /** Runs `task` when the running callback, or the next one, has returned. */
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

  /** Tells a root that a queue has an entry, if the root still lives then. */
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
}

function abiOf(module: WebAssembly.Module): AbiVersion {
  const names = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  if (names.has("proxy_abi_version_0_2_1")) return "0.2.1";
  if (names.has("proxy_abi_version_0_2_0")) return "0.2.0";
  if (names.has("proxy_abi_version_0_1_0")) return "0.1.0";
  throw new Error("the module exports no ABI marker, such as proxy_abi_version_0_2_1: Envoy refuses it");
}
