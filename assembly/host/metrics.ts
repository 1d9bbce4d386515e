// Counters, gauges and histograms. Envoy shows them with the prefix `wasmcustom.`; all workers
// share one value.

import {
  proxy_define_metric,
  proxy_get_metric,
  proxy_increment_metric,
  proxy_record_metric,
} from "@solo-io/proxy-runtime/assembly/imports";
import { OUT_LONG, OUT_WORD } from "../abi/memory";
import { MetricType, Status } from "../abi/types";
import { Bytes } from "../text/bytes";

/**
 * Ids by type and name, for all plugins of the VM. Each time the same metric is defined, the host
 * gives it a new id and keeps that for ever. Without this map a configuration that changes often
 * would fill the host's memory.
 */
const defined: Map<string, u32> = new Map<string, u32>();

/**
 * Defines a metric, or finds one that is defined already, and returns its id; 0 if the host
 * refuses. Labels are part of the name: `metricName` writes them.
 */
export function defineMetric(type: MetricType, name: string): u32 {
  const key = (<i32>type).toString() + name;
  if (defined.has(key)) return defined.get(key);
  const bytes = Bytes.of(name);
  store<u32>(OUT_WORD, 0);
  const status = proxy_define_metric(type, bytes.ptr, bytes.size, OUT_WORD);
  if (status != Status.Ok) return 0;
  const id = load<u32>(OUT_WORD);
  defined.set(key, id);
  return id;
}

/**
 * Adds `offset` to a counter or gauge. A counter takes only 1 or more, and otherwise gives
 * `BadArgument`. One host call.
 */
export function incrementMetric(id: u32, offset: i64): Status {
  return proxy_increment_metric(id, offset);
}

/** Sets a gauge, or records a value in a histogram. One host call. */
export function recordMetric(id: u32, value: u64): Status {
  return proxy_record_metric(id, value);
}

/**
 * The value of a counter or gauge; `missing` if there is no such metric, or it is a histogram. One
 * host call.
 */
export function getMetric(id: u32, missing: u64 = 0): u64 {
  store<u64>(OUT_LONG, 0);
  return proxy_get_metric(id, OUT_LONG) == Status.Ok ? load<u64>(OUT_LONG) : missing;
}
