// Counters, gauges and histograms. Defining the same metric again, even for every stream, returns
// the same metric and takes no further memory.

import {
  proxy_get_metric,
  proxy_increment_metric,
  proxy_record_metric,
} from "@solo-io/proxy-runtime/assembly/imports";
import { OUT_LONG } from "../../assembly/abi/memory";
import { Status } from "../../assembly/abi/types";
import { defineMetric } from "../../assembly/host/metrics";
import { MetricTypeValues, WasmResultValues } from "./values";

class MetricResult {
  result: WasmResultValues = Status.Ok;
  metric_id: u32 = 0;
}

class MetricData {
  result: WasmResultValues = Status.Ok;
  data: u64 = 0;
}

export function define_metric(typ: MetricTypeValues, name: string): MetricResult {
  const defined = new MetricResult();
  defined.metric_id = defineMetric(typ, name);
  defined.result = defined.metric_id == 0 ? Status.BadArgument : Status.Ok;
  return defined;
}

export function increment_metric(metric_id: u32, offset: i64): WasmResultValues {
  return proxy_increment_metric(metric_id, offset);
}

export function record_metric(metric_id: u32, value: u64): WasmResultValues {
  return proxy_record_metric(metric_id, value);
}

/** The value of a counter or a gauge. */
export function get_metric(metric_id: u32): MetricData {
  const metric = new MetricData();
  store<u64>(OUT_LONG, 0);
  metric.result = proxy_get_metric(metric_id, OUT_LONG);
  if (metric.result == Status.Ok) metric.data = load<u64>(OUT_LONG);
  return metric;
}

/** A metric that the host refused has the number 0; changes to it give `BadArgument`. */
class Metric {
  metric_id: u32;

  constructor(typ: MetricTypeValues, name: string) {
    this.metric_id = defineMetric(typ, name);
  }
}

export class Gauge extends Metric {
  constructor(name: string) {
    super(MetricTypeValues.Gauge, name);
  }

  increment(offset: i64): WasmResultValues {
    return increment_metric(this.metric_id, offset);
  }

  /** Sets the gauge with that number, which may be another one than this. */
  record(metric_id: u32, value: u64): WasmResultValues {
    return record_metric(metric_id, value);
  }
}

export class Histogram extends Metric {
  constructor(name: string) {
    super(MetricTypeValues.Histogram, name);
  }

  /** Returns `BadArgument`: the host refuses it. */
  increment(offset: i64): WasmResultValues {
    return increment_metric(this.metric_id, offset);
  }

  /** Records a value in the histogram with that number, which may be another one than this. */
  record(metric_id: u32, value: u64): WasmResultValues {
    return record_metric(metric_id, value);
  }
}

export class Counter extends Metric {
  constructor(name: string) {
    super(MetricTypeValues.Counter, name);
  }

  /** `offset` must be at least 1; else `BadArgument`. */
  increment(offset: u32): WasmResultValues {
    return increment_metric(this.metric_id, offset);
  }
}
