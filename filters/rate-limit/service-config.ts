// Reads what rules and the plugin say of the rate limit service. Its TypeScript twins are `service`
// and `global` of `schema.ts`.

import { ConfigNode, parseDurationOr } from "../../assembly/config";
import { FailureMode, RateLimitService } from "./service";
import { GlobalRule, LimitUnit } from "./service-request";

const SERVICE_KEYS: StaticArray<string> = ["cluster", "domain", "timeout", "failureMode", "preCheck"];
const FAILURE_MODES: StaticArray<string> = ["allow", "deny", "local"];
const OVERRIDE_KEYS: StaticArray<string> = ["limit", "unit"];
/** In the order of `LimitUnit`, from `Second` on. */
const UNITS: StaticArray<string> = ["second", "minute", "hour", "day"];

const MINUTE_MS: u64 = 60_000;
const DEFAULT_TIMEOUT_MS: u64 = 20;
const MAX_NAME_SIZE: i32 = 256;
const MAX_LIMIT: i64 = 1_000_000_000;

/** The plugin's service, or `null` where the configuration has none. */
export function parseService(node: ConfigNode): RateLimitService | null {
  if (!node.present) return null;
  node.keys(SERVICE_KEYS);
  const cluster = node.get("cluster").text(1, MAX_NAME_SIZE);
  const domain = node.get("domain").text(1, MAX_NAME_SIZE);
  const timeout = parseDurationOr(node.get("timeout"), 1, MINUTE_MS, DEFAULT_TIMEOUT_MS);
  const failureMode = <FailureMode>node.get("failureMode").oneOfOr(FAILURE_MODES, FailureMode.Allow);
  const preCheck = node.get("preCheck").boolOr(true);
  return new RateLimitService(cluster, domain, <u32>timeout, failureMode, preCheck);
}

/** What a rule with `global` asks; its `fallback` and its keys are the caller's. */
export function parseGlobal(node: ConfigNode): GlobalRule {
  const limitOverride = node.get("limitOverride");
  if (!limitOverride.present) return new GlobalRule(0, LimitUnit.Unknown);
  limitOverride.keys(OVERRIDE_KEYS);
  const limit = limitOverride.get("limit").integer(1, MAX_LIMIT);
  return new GlobalRule(<u32>limit, <LimitUnit>(limitOverride.get("unit").oneOf(UNITS) + LimitUnit.Second));
}
