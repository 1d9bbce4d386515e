// Modules written by hand, without the SDK. They show what Envoy itself charges for a Wasm filter,
// for each callback and for the host calls that a filter makes: `by-hand.ts` has these.

import { join } from "node:path";
import { compileSource } from "../support/compile-source.js";

const SIGNATURES = {
  proxy_on_context_create: ["(id: u32, parent: u32): void", ""],
  proxy_on_request_headers: ["(id: u32, count: u32, end: u32): u32", "return 0;"],
  proxy_on_response_headers: ["(id: u32, count: u32, end: u32): u32", "return 0;"],
  proxy_on_done: ["(id: u32): u32", "return 1;"],
  proxy_on_delete: ["(id: u32): void", ""],
} as const;

/** A stream callback of the ABI. */
export type Callback = keyof typeof SIGNATURES;

/** Every stream callback of a request without a body. */
export const FIVE_CALLBACKS = Object.keys(SIGNATURES) as readonly Callback[];

/**
 * What a hand-written module does in each of the callbacks that it exports: AssemblyScript
 * statements, or `""` for nothing.
 */
export type HandWritten = Partial<Readonly<Record<Callback, string>>>;

/** Keys and values of shared data have the sizes of those of `rate-limit`. */
const BUCKET_KEYS = ["A", "B", "C", "D", "E"].map((letter) => `hand-written-${letter}`);
const KEY_SIZE = 14;
const BUCKET_SIZE = 256;
/** The numbers of the values that every hand-written module keeps in shared data. */
export const BUCKETS = [...BUCKET_KEYS.keys()];

/** Writes a bucket. */
export function writeBucket(bucket: number): string {
  return `share(BUCKET_KEYS + ${bucket * KEY_SIZE}, ${KEY_SIZE}, block, ${BUCKET_SIZE}, 0);`;
}

const PRELUDE = `
@external("env", "proxy_get_header_map_value")
declare function get(map: i32, name: usize, size: usize, value: usize, valueSize: usize): i32;
@external("env", "proxy_get_header_map_pairs")
declare function pairs(map: i32, out: usize, size: usize): i32;
@external("env", "proxy_add_header_map_value")
declare function add(map: i32, name: usize, size: usize, value: usize, valueSize: usize): i32;
@external("env", "proxy_replace_header_map_value")
declare function replace(map: i32, name: usize, size: usize, value: usize, valueSize: usize): i32;
@external("env", "proxy_define_metric")
declare function define(type: i32, name: usize, size: usize, id: usize): i32;
@external("env", "proxy_increment_metric")
declare function increment(id: u32, by: i64): i32;
@external("env", "proxy_get_metric")
declare function read(id: u32, value: usize): i32;
@external("env", "proxy_record_metric")
declare function record(id: u32, value: i64): i32;
@external("env", "proxy_get_property")
declare function property(path: usize, size: usize, value: usize, valueSize: usize): i32;
@external("env", "proxy_set_property")
declare function setProperty(path: usize, size: usize, value: usize, valueSize: usize): i32;
@external("env", "proxy_set_shared_data")
declare function share(key: usize, size: usize, value: usize, valueSize: usize, cas: u32): i32;
@external("wasi_snapshot_preview1", "clock_time_get")
declare function clock(id: u32, precision: u64, time: usize): u32;

const out = memory.data(16);
const block = memory.data(65536, 8);
${constant("USER_ID", "x-user-id")}
${constant("DESTINATION", "x-meshwright-destination")}
${constant("TRACEPARENT", "traceparent")}
${constant("TRACE", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")}
${constant("ADDED", "x-added")}
${constant("V1", "v1")}
${constant("STATUS", ":status")}
${constant("MOMENT", "meshwright.moment")}
${constant("BUCKET_KEYS", BUCKET_KEYS.join(""))}
${constant("GAUGE", "hand_written_gauge")}
${constant("METRIC", "hand_written_total")}
let metric: u32 = 0;
let gauge: u32 = 0;

export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize { return block; }
export function proxy_on_configure(id: u32, size: u32): u32 {
  define(0, METRIC, METRIC_SIZE, out);
  metric = load<u32>(out);
  define(1, GAUGE, GAUGE_SIZE, out);
  gauge = load<u32>(out);
  ${BUCKETS.map(writeBucket).join("\n  ")}
  return 1;
}
`;

/** A text in the module's static memory, and its size. */
function constant(name: string, text: string): string {
  return `const ${name} = memory.data<u8>([${[...Buffer.from(text)].join(",")}]); const ${name}_SIZE = ${text.length};`;
}

/**
 * Compiles a module that exports these callbacks, with these statements in them.
 * @param directory where it goes
 * @param name its file's name
 * @returns the module's path
 */
export async function buildHandWritten(directory: string, name: string, does: HandWritten): Promise<string> {
  const callbacks = Object.entries(does).map(([callback, statements]) => {
    const [signature, end] = SIGNATURES[callback as Callback];
    return `export function ${callback}${signature} { ${statements} ${end} }`;
  });
  const path = join(directory, `${name}.wasm`);
  await compileSource([PRELUDE, ...callbacks].join("\n"), path);
  return path;
}

/** A module that does nothing in each of these callbacks. */
export function idle(callbacks: readonly Callback[]): HandWritten {
  return Object.fromEntries(callbacks.map((callback) => [callback, ""]));
}
