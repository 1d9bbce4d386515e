// Reads a limit of requests in flight. Its TypeScript twin is `concurrency` of `schema.ts`.

import { ConfigNode, parseDurationOr } from "../../../assembly/config";
import {
  DEFAULT_KEYS,
  DEFAULT_LEASE_MS,
  MAX_CONCURRENCY,
  MAX_KEYS,
  MAX_LEASE_MS,
  MIN_LEASE_MS,
} from "../limits";
import { ConcurrencyPolicy } from "./limit";

const KEYS: StaticArray<string> = ["limit", "lease", "keys"];

/** The limit, or `null` if the configuration has none. */
export function parseConcurrency(node: ConfigNode): ConcurrencyPolicy | null {
  if (!node.present) return null;
  node.keys(KEYS);
  const limit = <u32>node.get("limit").integer(1, MAX_CONCURRENCY);
  const lease = parseDurationOr(node.get("lease"), MIN_LEASE_MS, MAX_LEASE_MS, DEFAULT_LEASE_MS);
  const keys = <u32>node.get("keys").integerOr(1, MAX_KEYS, DEFAULT_KEYS);
  return new ConcurrencyPolicy(limit, <u32>lease, keys);
}
