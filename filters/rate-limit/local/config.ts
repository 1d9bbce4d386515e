// Reads a limit of this Envoy. Its TypeScript twin is `local` of `schema.ts`.

import { ConfigNode } from "../../../assembly/config";
import {
  DAY,
  DEFAULT_KEYS,
  HOUR,
  LEASES_OF_BURST,
  MAX_KEYS,
  MAX_LIMIT,
  MIN_LEASED_BURST,
  MINUTE,
  SECOND,
  SECONDS_OF_DAY,
  SECONDS_OF_HOUR,
  SECONDS_OF_MINUTE,
} from "../limits";
import { Gcra, maxBurst } from "./gcra";
import { LocalPolicy } from "./limit";

const LOCAL_KEYS: StaticArray<string> = ["limit", "unit", "burst", "keys", "lease"];
const UNITS: StaticArray<string> = [SECOND, MINUTE, HOUR, DAY];
const UNIT_SECONDS: StaticArray<u32> = [1, SECONDS_OF_MINUTE, SECONDS_OF_HOUR, SECONDS_OF_DAY];

/**
 * The limit, or `null` if the configuration has none.
 * @param debt how much a key may owe beyond its burst
 */
export function parseLocal(node: ConfigNode, debt: u32 = 0): LocalPolicy | null {
  if (!node.present) return null;
  node.keys(LOCAL_KEYS);
  const limit = parseLimit(node.get("limit"));
  const unit = UNIT_SECONDS[parseUnit(node.get("unit"))];
  const burst = node.get("burst").integerOr(1, MAX_LIMIT, limit);
  if (burst > <i64>maxBurst(limit, unit)) node.get("burst").fail("must be full again within ten years");
  const keys = node.get("keys").integerOr(1, MAX_KEYS, DEFAULT_KEYS);
  const leases = node.get("lease").boolOr(false);
  if (leases && burst < MIN_LEASED_BURST) {
    node.get("lease").fail(`needs a burst of at least ${MIN_LEASED_BURST}`);
  }
  const gcra = new Gcra(limit, unit, <u32>min<i64>(burst, maxBurst(limit, unit)), debt);
  return new LocalPolicy(gcra, <u32>keys, leases ? gcra.burst / LEASES_OF_BURST : 0);
}

/** How many requests pass in a unit. */
export function parseLimit(node: ConfigNode): u32 {
  return <u32>node.integer(1, MAX_LIMIT);
}

/** The unit's number: 0 for a second, 1 for a minute, 2 for an hour, 3 for a day. */
export function parseUnit(node: ConfigNode): i32 {
  return node.oneOf(UNITS);
}
