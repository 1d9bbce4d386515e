// What a compiled module asks of Envoy and offers it.

/** A module's figures. */
export interface ModuleFigures {
  /** Exported callbacks that Envoy will enter, `proxy_on_…`. */
  readonly callbacks: readonly string[];
  /** Imports that stock Envoy does not link, `module.name`: with one of them it refuses the module. */
  readonly unlinkedImports: readonly string[];
}

/** WASI calls that Envoy links. Source: proxy-wasm-cpp-host, `exports.h`. */
const WASI_CALLS: ReadonlySet<string> = new Set([
  "args_get",
  "args_sizes_get",
  "clock_time_get",
  "environ_get",
  "environ_sizes_get",
  "fd_close",
  "fd_fdstat_get",
  "fd_read",
  "fd_seek",
  "fd_write",
  "path_filestat_get",
  "path_open",
  "poll_oneoff",
  "proc_exit",
  "random_get",
  "sched_yield",
]);

/** Reads a module's imports and exports. Throws a `CompileError` where `bytes` is not WebAssembly. */
export function inspectModule(bytes: Uint8Array): ModuleFigures {
  const module = new WebAssembly.Module(bytes);
  const callbacks = WebAssembly.Module.exports(module)
    .map((entry) => entry.name)
    .filter((name) => name.startsWith("proxy_on_"));
  const unlinkedImports = WebAssembly.Module.imports(module)
    .filter((entry) => !isLinked(entry.module, entry.name))
    .map((entry) => `${entry.module}.${entry.name}`);
  return { callbacks, unlinkedImports };
}

function isLinked(module: string, name: string): boolean {
  if (module === "env") return name.startsWith("proxy_");
  return module === "wasi_snapshot_preview1" && WASI_CALLS.has(name);
}
