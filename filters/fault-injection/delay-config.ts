// Compiles a delay of the configuration. Its TypeScript twin is `delay` of `schema.ts`.

import { ConfigNode, parseDuration, parseDurationOr } from "../../assembly/config";
import { theOneOf } from "../../assembly/rules";
import {
  Delay,
  ExponentialDelay,
  FixedDelay,
  LogNormalDelay,
  NormalDelay,
  PercentileDelay,
  UniformDelay,
} from "./delay";
import {
  DISTRIBUTIONS,
  LAST_PERCENTILE,
  MAX_DELAY_MS,
  MAX_PERCENTILES,
  MAX_SIGMA,
  MIN_PERCENTILES,
  MIN_SIGMA,
} from "./limits";

enum Distribution {
  Fixed,
  Uniform,
  Normal,
  Exponential,
  LogNormal,
  Percentiles,
}

/** In the order of `Distribution`. */
const DISTRIBUTION_KEYS = StaticArray.fromArray(DISTRIBUTIONS);
const DELAY_KEYS = DISTRIBUTION_KEYS.concat<StaticArray<string>>(["max"]);
const UNIFORM_KEYS: StaticArray<string> = ["min", "max"];
const NORMAL_KEYS: StaticArray<string> = ["mean", "deviation"];
const EXPONENTIAL_KEYS: StaticArray<string> = ["mean"];
const LOG_NORMAL_KEYS: StaticArray<string> = ["median", "sigma"];
const PERCENTILE_KEYS: StaticArray<string> = ["percentile", "delay"];

/** The delay at this place; `null` if there is none. */
export function parseDelay(node: ConfigNode): Delay | null {
  if (!node.present) return null;
  node.keys(DELAY_KEYS);
  const maxMs = <u32>parseDurationOr(node.get("max"), 1, MAX_DELAY_MS, MAX_DELAY_MS);
  const distribution = theOneOf(node, DISTRIBUTION_KEYS);
  if (distribution < 0) return null;
  const operand = node.get(DISTRIBUTION_KEYS[distribution]);
  switch (distribution) {
    case Distribution.Fixed:
      return new FixedDelay(length(operand), maxMs);
    case Distribution.Uniform:
      return parseUniform(operand, maxMs);
    case Distribution.Normal:
      operand.keys(NORMAL_KEYS);
      return new NormalDelay(length(operand.get("mean")), spread(operand.get("deviation")), maxMs);
    case Distribution.Exponential:
      operand.keys(EXPONENTIAL_KEYS);
      return new ExponentialDelay(spread(operand.get("mean")), maxMs);
    case Distribution.LogNormal:
      operand.keys(LOG_NORMAL_KEYS);
      return new LogNormalDelay(
        spread(operand.get("median")),
        operand.get("sigma").number(MIN_SIGMA, MAX_SIGMA),
        maxMs,
      );
    default:
      return parsePercentiles(operand, maxMs);
  }
}

function parseUniform(node: ConfigNode, maxMs: u32): Delay {
  node.keys(UNIFORM_KEYS);
  const shortest = length(node.get("min"));
  const longest = length(node.get("max"));
  if (shortest > longest) node.fail("'min' must not be above 'max'");
  return new UniformDelay(shortest, longest, maxMs);
}

function parsePercentiles(node: ConfigNode, maxMs: u32): Delay {
  const count = node.array(MIN_PERCENTILES, MAX_PERCENTILES);
  const percentiles = new StaticArray<f64>(count);
  const lengthsMs = new StaticArray<f64>(count);
  for (let i = 0; i < count; i++) {
    const item = node.at(i);
    item.keys(PERCENTILE_KEYS);
    percentiles[i] = item.get("percentile").number(0, LAST_PERCENTILE);
    lengthsMs[i] = length(item.get("delay"));
    if (i == 0) continue;
    if (percentiles[i] <= percentiles[i - 1] || lengthsMs[i] < lengthsMs[i - 1]) {
      node.fail("must rise from entry to entry");
    }
  }
  if (count > 0 && (percentiles[0] != 0 || percentiles[count - 1] != LAST_PERCENTILE)) {
    node.fail(`must begin with percentile 0 and end with ${LAST_PERCENTILE}`);
  }
  return new PercentileDelay(percentiles, lengthsMs, maxMs);
}

/** Milliseconds, 0 to an hour. */
function length(node: ConfigNode): f64 {
  return <f64>parseDuration(node, 0, MAX_DELAY_MS);
}

/** Milliseconds, 1 to an hour. */
function spread(node: ConfigNode): f64 {
  return <f64>parseDuration(node, 1, MAX_DELAY_MS);
}
