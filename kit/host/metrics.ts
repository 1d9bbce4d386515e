// Counters, gauges and histograms. All definitions of the same type and name share a value, but
// each definition has a number of its own, as in Envoy.

import { MetricType, Status } from "./abi.js";

const TYPE_MASK = 3;
const ID_STEP = 4;

interface Metric {
  readonly name: string;
  readonly values: number[];
}

/** Values are exact up to 2^53. */
export class Metrics {
  /** Counters and gauges by name. */
  readonly values = new Map<string, number>();
  /** The recorded values of histograms, by name, in order. */
  readonly histograms = new Map<string, number[]>();
  /** Definitions by type. A metric's number has its type in the low bits. */
  private readonly defined: [Metric[], Metric[], Metric[]] = [[], [], []];

  /** Returns the metric's number, or 0 for an unknown type. */
  define(type: number, name: string): number {
    const list = this.defined[type];
    if (list === undefined) return 0;
    if (type === MetricType.Histogram) {
      if (!this.histograms.has(name)) this.histograms.set(name, []);
    } else if (!this.values.has(name)) this.values.set(name, 0);
    list.push({ name, values: this.histograms.get(name) ?? [] });
    return list.length * ID_STEP + type;
  }

  increment(id: number, offset: number): number {
    const type = id & TYPE_MASK;
    if (type !== MetricType.Counter && type !== MetricType.Gauge) return Status.BadArgument;
    const metric = this.find(id);
    if (metric === undefined) return Status.NotFound;
    if (type === MetricType.Counter && offset <= 0) return Status.BadArgument;
    this.values.set(metric.name, (this.values.get(metric.name) ?? 0) + offset);
    return Status.Ok;
  }

  record(id: number, value: number): number {
    const metric = this.find(id);
    if (metric === undefined) return Status.NotFound;
    const type = id & TYPE_MASK;
    if (type === MetricType.Histogram) metric.values.push(value);
    else if (type === MetricType.Gauge) this.values.set(metric.name, value);
    else this.values.set(metric.name, (this.values.get(metric.name) ?? 0) + value);
    return Status.Ok;
  }

  /** The value of a counter or gauge, or the status when there is none. */
  get(id: number): { status: number; value: number } {
    const type = id & TYPE_MASK;
    if (type !== MetricType.Counter && type !== MetricType.Gauge)
      return { status: Status.BadArgument, value: 0 };
    const metric = this.find(id);
    if (metric === undefined) return { status: Status.NotFound, value: 0 };
    return { status: Status.Ok, value: this.values.get(metric.name) ?? 0 };
  }

  /** The types with which this name was defined, of `MetricType`. */
  typesOf(name: string): readonly number[] {
    return Object.values(MetricType).filter((type) =>
      this.defined[type].some((metric) => metric.name === name),
    );
  }

  private find(id: number): Metric | undefined {
    return this.defined[id & TYPE_MASK]?.[(id >>> 2) - 1];
  }
}
