// The smallest Wasm filter that shows what a test wants to see. It accepts or refuses its
// configuration, writes that configuration into every response, and counts requests with a metric
// that has labels. It does not use the SDK, so that a fault in the SDK does not fail a test of
// Envoy's configuration.
import { join } from "node:path";
import { compileSource } from "./compile-source.js";

/** The response header in which the probe writes its configuration, as JSON text. */
export const PROBE_HEADER = "x-probe-configuration";

/** The metric with which the probe counts requests. */
export const PROBE_METRIC = "probe_requests;rule=beta.users;outcome=routed;destination=";

/** A configuration that the probe refuses, with `PROBE_REFUSAL` in the log. */
export const PROBE_REFUSED = "!";
export const PROBE_REFUSAL = "a configuration that begins with an exclamation mark is refused";

const SOURCE = `
@external("env", "proxy_log")
declare function log(level: i32, at: usize, size: usize): i32;
@external("env", "proxy_get_buffer_bytes")
declare function getBuffer(type: i32, start: i32, size: i32, at: usize, sizeAt: usize): i32;
@external("env", "proxy_add_header_map_value")
declare function addHeader(map: i32, name: usize, nameSize: usize, value: usize, valueSize: usize): i32;
@external("env", "proxy_define_metric")
declare function defineMetric(type: i32, name: usize, size: usize, id: usize): i32;
@external("env", "proxy_increment_metric")
declare function incrementMetric(id: u32, by: i64): i32;

const HEADER = String.UTF8.encode("${PROBE_HEADER}");
const METRIC = String.UTF8.encode("${PROBE_METRIC}");
const REFUSAL = String.UTF8.encode("${PROBE_REFUSAL}");
const out = memory.data(12);
let configuration: usize = 0;
let size: usize = 0;
let metric: u32 = 0;

function at(text: ArrayBuffer): usize { return changetype<usize>(text); }

export function proxy_abi_version_0_2_1(): void {}
export function proxy_on_memory_allocate(bytes: usize): usize { return heap.alloc(bytes); }
export function proxy_on_context_create(id: u32, parent: u32): void {}

export function proxy_on_configure(id: u32, bytes: i32): i32 {
  if (bytes > 0 && getBuffer(7, 0, bytes, out, out + 4) == 0) {
    configuration = load<usize>(out);
    size = load<usize>(out, 4);
    if (load<u8>(configuration, 1) == 0x21) {
      log(4, at(REFUSAL), REFUSAL.byteLength);
      return 0;
    }
  }
  defineMetric(0, at(METRIC), METRIC.byteLength, out + 8);
  metric = load<u32>(out, 8);
  return 1;
}

export function proxy_on_response_headers(id: u32, headers: u32, end: u32): i32 {
  incrementMetric(metric, 1);
  addHeader(2, at(HEADER), HEADER.byteLength, configuration, size);
  return 0;
}
`;

/**
 * Compiles the probe.
 * @param directory where its module goes
 * @returns the path of the module
 */
export async function buildProbeModule(directory: string): Promise<string> {
  const path = join(directory, "probe.wasm");
  await compileSource(SOURCE, path);
  return path;
}
