// Reads the settings of the rate limit service, of the plugin and of rules. The TypeScript twins
// are `service` and `global` of `schema.ts`.

import { ConfigNode, parseDurationOr } from "../../../assembly/config";
import {
  ALLOW_FAILURE,
  DEFAULT_TIMEOUT_MS,
  DENY_FAILURE,
  LOCAL_FAILURE,
  MAX_NAME_SIZE,
  MAX_TIMEOUT_MS,
  MIN_TIMEOUT_MS,
} from "../limits";
import { parseLimit, parseUnit } from "../local/config";
import { GlobalRule, LimitUnit } from "./request";
import { FailureMode, RateLimitService } from "./service";

const SERVICE_KEYS: StaticArray<string> = ["cluster", "domain", "timeout", "failureMode", "preCheck"];
/** In the order of `FailureMode`. */
const FAILURE_MODES: StaticArray<string> = [ALLOW_FAILURE, DENY_FAILURE, LOCAL_FAILURE];
const OVERRIDE_KEYS: StaticArray<string> = ["limit", "unit"];

/** The plugin's service, or `null` if the configuration has none. */
export function parseService(node: ConfigNode): RateLimitService | null {
  if (!node.present) return null;
  node.keys(SERVICE_KEYS);
  const cluster = node.get("cluster").text(1, MAX_NAME_SIZE);
  const domain = node.get("domain").text(1, MAX_NAME_SIZE);
  const timeout = parseDurationOr(node.get("timeout"), MIN_TIMEOUT_MS, MAX_TIMEOUT_MS, DEFAULT_TIMEOUT_MS);
  const failureMode = <FailureMode>node.get("failureMode").oneOfOr(FAILURE_MODES, FailureMode.Allow);
  const preCheck = node.get("preCheck").boolOr(true);
  return new RateLimitService(cluster, domain, <u32>timeout, failureMode, preCheck);
}

/** What a rule with `global` asks; the caller reads its `fallback` and its keys. */
export function parseGlobal(node: ConfigNode): GlobalRule {
  const limitOverride = node.get("limitOverride");
  if (!limitOverride.present) return new GlobalRule(0, LimitUnit.Unknown);
  limitOverride.keys(OVERRIDE_KEYS);
  const limit = parseLimit(limitOverride.get("limit"));
  return new GlobalRule(limit, <LimitUnit>(parseUnit(limitOverride.get("unit")) + LimitUnit.Second));
}
