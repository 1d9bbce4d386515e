// Starts a module in this process as Envoy would. Its code does not show everything: a start may
// trap, never end, or reach the host through a function value.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isAllowedAtStart, MAX_MEMORY_PAGES } from "./abi.js";
import type { WasmModule } from "./parts.js";
import { startExports } from "./start.js";

/** A start takes milliseconds. Envoy would wait for ever for one that does not end. */
const PATIENCE_MS = 10_000;
/** The limit of a process that has set none. */
const OWN_MEMORY_PAGES = 65_536;

/** How a start went. */
export interface DryStart {
  /** The error that ended it; `undefined` where it ended well. */
  readonly error: Error | undefined;
  /** What it logged. */
  readonly log: readonly string[];
  /** Every answer that it got from the host is the one that Envoy gives. */
  readonly isExact: boolean;
  /**
   * Its exports, where it ended well. A callback among them may be called; each host call of its
   * own throws an `EarlyHostCall`.
   */
  readonly exports: Readonly<Record<string, unknown>>;
}

type HostCall = (...args: number[]) => number;

const EFFECTIVE_CONTEXT = "env.proxy_set_effective_context";

/** A start made a host call that Envoy does not answer there. */
export class EarlyHostCall extends Error {}

/** Answers the host calls of a start as Envoy does. */
class StartHost {
  readonly log: string[] = [];
  isExact = true;
  /** The start section, which runs before anything else, may make no call. */
  isInstantiated = false;
  /** Callbacks that run after the start may also choose the context that they are about. */
  hasStarted = false;
  memory: WebAssembly.Memory | undefined;

  /** @param name `module.name` */
  call(name: string): HostCall {
    const answer = this.#answers[name.slice(name.indexOf(".") + 1)];
    return (...args) => {
      if (this.hasStarted && name === EFFECTIVE_CONTEXT) return 0;
      if (!this.isInstantiated || !isAllowedAtStart(name)) throw new EarlyHostCall(`calls ${name}`);
      if (answer !== undefined) return answer(...args);
      this.isExact = false;
      return NOT_SUPPORTED;
    };
  }

  readonly #answers: Readonly<Record<string, HostCall>> = {
    proxy_log: (_level, address, size) => {
      this.log.push(this.#text(address, size));
      return 0;
    },
    emscripten_notify_memory_growth: () => 0,
    environ_sizes_get: (count, size) => this.#write([count, 0], [size, 0]),
    environ_get: () => 0,
    args_sizes_get: (count, size) => this.#write([count, 0], [size, 0]),
    args_get: () => 0,
    clock_time_get: (_id, _precision, address) => {
      this.#view().setBigUint64(address ?? 0, BigInt(Date.now()) * 1_000_000n, true);
      return 0;
    },
    random_get: (address = 0, size = 0) => {
      crypto.getRandomValues(new Uint8Array(this.#view().buffer, address, size));
      return 0;
    },
    fd_write: (_fd, vectors = 0, count = 0, written) => {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const size = this.#view().getUint32(vectors + 8 * i + 4, true);
        this.log.push(this.#text(this.#view().getUint32(vectors + 8 * i, true), size));
        sum += size;
      }
      return this.#write([written, sum]);
    },
  };

  #view(): DataView {
    return new DataView(this.memory?.buffer ?? new ArrayBuffer(0));
  }

  #text(address = 0, size = 0): string {
    return Buffer.from(this.#view().buffer, address, size).toString();
  }

  #write(...words: readonly (readonly [address: number | undefined, value: number])[]): number {
    for (const [address = 0, value] of words) this.#view().setUint32(address, value, true);
    return 0;
  }
}

/** WASI's error number for what the host does not have. */
const NOT_SUPPORTED = 52;

/**
 * Starts a module whose imports Envoy links. Nothing where this Node cannot run it, because it uses
 * features that only a later one has.
 */
export function dryStart(module: WasmModule): DryStart | undefined {
  let compiled: WebAssembly.Module;
  try {
    compiled = new WebAssembly.Module(module.bytes);
  } catch {
    return undefined;
  }
  const host = new StartHost();
  let exports: Readonly<Record<string, unknown>> = {};
  let error: Error | undefined;
  // Envoy's limit also holds for memory that the start asks for.
  setFlagsFromString(`--wasm-max-mem-pages=${MAX_MEMORY_PAGES}`);
  try {
    exports = start(module, compiled, host);
  } catch (thrown) {
    error = thrown instanceof Error ? thrown : asError(thrown);
  } finally {
    setFlagsFromString(`--wasm-max-mem-pages=${OWN_MEMORY_PAGES}`);
  }
  return { error, log: host.log, isExact: host.isExact, exports };
}

/** An exception of the module itself, or an error of the context in which an export ran. */
function asError(thrown: unknown): Error {
  const { message, stack } = (thrown ?? {}) as Partial<Error>;
  return Object.assign(new Error(message ?? "an exception that nothing catches"), stack ? { stack } : {});
}

/** Whether the start was stopped because it did not end. */
export function isTimeout(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}

function start(
  module: WasmModule,
  compiled: WebAssembly.Module,
  host: StartHost,
): Readonly<Record<string, unknown>> {
  const imports = importsFor(module, host);
  // An endless loop can be stopped only where it runs in a context of its own.
  const run = <T>(call: () => T): T => runInNewContext("call()", { call }, { timeout: PATIENCE_MS }) as T;
  const { exports } = run(() => new WebAssembly.Instance(compiled, imports));
  host.isInstantiated = true;
  host.memory ??= Object.values(exports).find((each) => each instanceof WebAssembly.Memory);
  for (const name of startExports(module)) {
    run(() => (exports[name] as HostCall)(0, 0));
  }
  host.hasStarted = true;
  return exports;
}

type Imports = Record<string, Record<string, HostCall | WebAssembly.Memory | WebAssembly.Table>>;

/** What Envoy gives a module: functions, and memories and tables of the size that it asks for. */
function importsFor(module: WasmModule, host: StartHost): Imports {
  const imports: Imports = {};
  let memories = 0;
  let tables = 0;
  for (const { module: from, name, kind } of module.imports) {
    let given: HostCall | WebAssembly.Memory | WebAssembly.Table = host.call(`${from}.${name}`);
    if (kind === "memory") {
      const { initial = 0 } = module.memories[memories++] ?? {};
      given = new WebAssembly.Memory(withMaximum(initial, module.memories[memories - 1]?.maximum));
      host.memory ??= given;
    } else if (kind === "table") {
      const { initial = 0, maximum, type } = module.tables[tables++] ?? {};
      const element = type === "externref" ? "externref" : "anyfunc";
      given = new WebAssembly.Table({ element, ...withMaximum(initial, maximum) });
    }
    imports[from] = { ...imports[from], [name]: given };
  }
  return imports;
}

function withMaximum(
  initial: number,
  maximum: number | null | undefined,
): { initial: number; maximum?: number } {
  return maximum == null ? { initial } : { initial, maximum };
}
