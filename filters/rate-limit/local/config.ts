// Reads a limit of this Envoy. Its TypeScript twin is `local` of `schema.ts`.

import { ConfigNode } from "../../../assembly/config";
import {
  DAY,
  DEFAULT_KEYS,
  HOUR,
  MAX_KEYS,
  MAX_LIMIT,
  MINUTE,
  SECOND,
  SECONDS_OF_DAY,
  SECONDS_OF_HOUR,
  SECONDS_OF_MINUTE,
} from "../limits";
import { Gcra, maxBurst } from "./gcra";
import { LocalPolicy } from "./limit";

const LOCAL_KEYS: StaticArray<string> = ["limit", "unit", "burst", "keys"];
const UNITS: StaticArray<string> = [SECOND, MINUTE, HOUR, DAY];
const UNIT_SECONDS: StaticArray<u32> = [1, SECONDS_OF_MINUTE, SECONDS_OF_HOUR, SECONDS_OF_DAY];

/** The limit, or `null` if the configuration has none. */
export function parseLocal(node: ConfigNode): LocalPolicy | null {
  if (!node.present) return null;
  node.keys(LOCAL_KEYS);
  const limit = parseLimit(node.get("limit"));
  const unit = UNIT_SECONDS[parseUnit(node.get("unit"))];
  const burst = node.get("burst").integerOr(1, MAX_LIMIT, limit);
  if (burst > <i64>maxBurst(limit, unit)) node.get("burst").fail("must be full again within ten years");
  const keys = node.get("keys").integerOr(1, MAX_KEYS, DEFAULT_KEYS);
  return new LocalPolicy(new Gcra(limit, unit, <u32>min<i64>(burst, maxBurst(limit, unit))), <u32>keys);
}

/** How many requests pass in a unit. */
export function parseLimit(node: ConfigNode): u32 {
  return <u32>node.integer(1, MAX_LIMIT);
}

/** The unit's number: 0 for a second, 1 for a minute, 2 for an hour, 3 for a day. */
export function parseUnit(node: ConfigNode): i32 {
  return node.oneOf(UNITS);
}
