// What stock Envoy links and calls: its side of the ABI, function by function. Envoy compares every
// signature with its own and refuses a module that differs. Source: proxy-wasm-cpp-host,
// `exports.h`, `wasm.h` and `wasm.cc`; the tests compare it with stock Envoy.

import type { Signature } from "./types.js";

/** Versions of the ABI that Envoy speaks. */
export type AbiVersion = "0.1.0" | "0.2.0" | "0.2.1";

/** The export by which a module says its version. */
export const ABI_MARKERS: Readonly<Record<string, AbiVersion>> = {
  proxy_abi_version_0_1_0: "0.1.0",
  proxy_abi_version_0_2_0: "0.2.0",
  proxy_abi_version_0_2_1: "0.2.1",
};

/** Parameters by letter: i for i32, l for i64. */
function signature(params: string, result = "i"): Signature {
  const types = (letters: string) => [...letters].map((letter) => (letter === "i" ? "i32" : "i64"));
  return { params: types(params), results: types(result) };
}

/**
 * Host calls of module `env` in every version, without the prefix `proxy_`; each returns a status.
 */
const HOST_CALLS: Readonly<Record<string, string>> = {
  log: "iii",
  get_status: "iii",
  set_property: "iiii",
  get_property: "iiii",
  send_local_response: "iiiiiiii",
  get_shared_data: "iiiii",
  set_shared_data: "iiiii",
  register_shared_queue: "iii",
  resolve_shared_queue: "iiiii",
  dequeue_shared_queue: "iii",
  enqueue_shared_queue: "iii",
  get_header_map_value: "iiiii",
  add_header_map_value: "iiiii",
  replace_header_map_value: "iiiii",
  remove_header_map_value: "iii",
  get_header_map_pairs: "iii",
  set_header_map_pairs: "iii",
  get_header_map_size: "ii",
  get_buffer_status: "iii",
  get_buffer_bytes: "iiiii",
  set_buffer_bytes: "iiiii",
  http_call: "iiiiiiiiii",
  grpc_call: "iiiiiiiiiiii",
  grpc_stream: "iiiiiiiii",
  grpc_close: "i",
  grpc_cancel: "i",
  grpc_send: "iiii",
  set_tick_period_milliseconds: "i",
  get_current_time_nanoseconds: "i",
  define_metric: "iiii",
  increment_metric: "il",
  record_metric: "il",
  get_metric: "ii",
  set_effective_context: "i",
  done: "",
  call_foreign_function: "iiiiii",
};

const HOST_CALLS_OF_VERSION: Readonly<Record<AbiVersion, Readonly<Record<string, string>>>> = {
  "0.1.0": { get_configuration: "ii", continue_request: "", continue_response: "", clear_route_cache: "" },
  "0.2.0": { continue_stream: "i", close_stream: "i" },
  "0.2.1": { continue_stream: "i", close_stream: "i", get_log_level: "i" },
};

/** Host calls of WASI, under both names of the module; each returns an error number. */
const WASI_CALLS: Readonly<Record<string, string>> = {
  fd_write: "iiii",
  fd_read: "iiii",
  fd_seek: "ilii",
  fd_close: "i",
  fd_fdstat_get: "ii",
  fd_fdstat_set_flags: "ii",
  fd_fdstat_set_rights: "ill",
  environ_get: "ii",
  environ_sizes_get: "ii",
  args_get: "ii",
  args_sizes_get: "ii",
  clock_time_get: "ili",
  clock_res_get: "ii",
  fd_advise: "illi",
  fd_allocate: "ill",
  fd_datasync: "i",
  fd_filestat_get: "ii",
  fd_filestat_set_size: "il",
  fd_filestat_set_times: "illi",
  fd_pread: "iiili",
  fd_prestat_dir_name: "iii",
  fd_prestat_get: "ii",
  fd_pwrite: "iiili",
  fd_readdir: "iiili",
  fd_renumber: "ii",
  fd_sync: "i",
  fd_tell: "ii",
  path_create_directory: "iii",
  path_filestat_get: "iiiii",
  path_filestat_set_times: "iiiilli",
  path_link: "iiiiii",
  path_open: "iiiiillii",
  path_readlink: "iiiiii",
  path_remove_directory: "iii",
  path_rename: "iiiiii",
  path_symlink: "iiii",
  path_unlink_file: "iii",
  poll_oneoff: "iiii",
  proc_exit: "i",
  random_get: "ii",
  sched_yield: "",
  sock_accept: "iii",
  sock_recv: "iiiiii",
  sock_send: "iiiii",
  sock_shutdown: "ii",
};

/** Calls of WASI that releases before 1.39 do not link. */
const WASI_SINCE_1_39: ReadonlySet<string> = new Set([
  "clock_res_get",
  "fd_advise",
  "fd_allocate",
  "fd_datasync",
  "fd_fdstat_set_rights",
  "fd_filestat_get",
  "fd_filestat_set_size",
  "fd_filestat_set_times",
  "fd_pread",
  "fd_pwrite",
  "fd_readdir",
  "fd_renumber",
  "fd_sync",
  "fd_tell",
  "path_create_directory",
  "path_filestat_get",
  "path_filestat_set_times",
  "path_link",
  "path_readlink",
  "path_remove_directory",
  "path_rename",
  "path_symlink",
  "path_unlink_file",
  "sock_accept",
  "sock_recv",
  "sock_send",
  "sock_shutdown",
]);

const WASI_MODULES: readonly string[] = ["wasi_snapshot_preview1", "wasi_unstable"];

/**
 * Everything that Envoy links for a module of this version, from `module.name` to its signature.
 * @param release of Envoy, such as `1.39.3`; without one a release since 1.39
 */
export function linkedImports(version: AbiVersion, release?: string): ReadonlyMap<string, Signature> {
  const isOlder = release !== undefined && isBefore(release, 1, 39);
  const linked = new Map<string, Signature>([
    ["env.pthread_equal", signature("ii")],
    ["env.emscripten_notify_memory_growth", signature("i", "")],
  ]);
  for (const [name, params] of Object.entries({ ...HOST_CALLS, ...HOST_CALLS_OF_VERSION[version] })) {
    linked.set(`env.proxy_${name}`, signature(params));
  }
  for (const module of WASI_MODULES) {
    for (const [name, params] of Object.entries(WASI_CALLS)) {
      if (isOlder && WASI_SINCE_1_39.has(name)) continue;
      linked.set(`${module}.${name}`, signature(params, name === "proc_exit" ? "" : "i"));
    }
  }
  return linked;
}

function isBefore(release: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = release.split(".").map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}

/** The largest memory that Envoy gives a module, in pages of 64 KiB: 1 GiB. */
export const MAX_MEMORY_PAGES = 16_384;
/** The largest table, in entries. */
export const MAX_TABLE_ENTRIES = 10_000_000;

/** WASI calls that are refused while the module starts; all others are allowed then. */
const WASI_AFTER_START: readonly string[] = [
  "fd_read",
  "fd_seek",
  "fd_close",
  "proc_exit",
  "sched_yield",
  "path_open",
];

/**
 * Whether `_initialize` and `_start` may make this call, by `module.name`. Any other traps there,
 * and Envoy refuses the module.
 */
export function isAllowedAtStart(call: string): boolean {
  if (call === "env.proxy_log" || call === "env.emscripten_notify_memory_growth") return true;
  const [module = "", name = ""] = call.split(".", 2);
  return WASI_MODULES.includes(module) && !WASI_AFTER_START.includes(name);
}

/** Allocators, in the order in which Envoy looks for them: i32 -> i32. */
export const ALLOCATORS = ["malloc", "proxy_on_memory_allocate"] as const;
export const ALLOCATOR_SIGNATURE: Signature = signature("i");

/**
 * Callbacks that Envoy calls, without the prefix `proxy_`: parameters, and `>i` where they return
 * something.
 */
const CALLBACKS: Readonly<Record<string, string>> = {
  validate_configuration: "ii>i",
  on_vm_start: "ii>i",
  on_configure: "ii>i",
  on_tick: "i",
  on_context_create: "ii",
  on_new_connection: "i>i",
  on_downstream_data: "iii>i",
  on_upstream_data: "iii>i",
  on_downstream_connection_close: "ii",
  on_upstream_connection_close: "ii",
  on_request_headers: "iii>i",
  on_request_body: "iii>i",
  on_request_trailers: "ii>i",
  on_request_metadata: "ii>i",
  on_response_headers: "iii>i",
  on_response_body: "iii>i",
  on_response_trailers: "ii>i",
  on_response_metadata: "ii>i",
  on_http_call_response: "iiiii",
  on_grpc_receive: "iii",
  on_grpc_close: "iii",
  on_grpc_receive_initial_metadata: "iii",
  on_grpc_receive_trailing_metadata: "iii",
  on_queue_ready: "ii",
  on_foreign_function: "iii",
  on_done: "i>i",
  on_log: "i",
  on_delete: "i",
};

/** In version 0.1.0 a headers callback does not learn whether the stream ends. */
const CALLBACKS_0_1_0: Readonly<Record<string, string>> = {
  on_request_headers: "ii>i",
  on_response_headers: "ii>i",
};

/** The callbacks that Envoy calls in a module of this version, by their full names. */
export function callbacksOf(version: AbiVersion): ReadonlyMap<string, Signature> {
  const callbacks = version === "0.1.0" ? { ...CALLBACKS, ...CALLBACKS_0_1_0 } : CALLBACKS;
  return new Map(
    Object.entries(callbacks)
      .filter(([name]) => version !== "0.1.0" || name !== "on_foreign_function")
      .map(([name, letters]) => {
        const [params = "", result = ""] = letters.split(">");
        return [`proxy_${name}`, signature(params, result)];
      }),
  );
}

/** What Envoy runs when a VM starts: `_initialize` and then `main`, otherwise `_start`. */
export const START_EXPORTS: Readonly<Record<string, Signature>> = {
  _initialize: signature("", ""),
  _start: signature("", ""),
  main: signature("ii"),
  __main_void: signature(""),
};
