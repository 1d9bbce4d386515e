// What a filter is set to, in one line for a person. Pure.

import type { Json } from "../../envoy/config/json.js";
import type { FaultInjectionConfig } from "../../filters/fault-injection/schema.js";
import type { HeaderRoutingConfig } from "../../filters/header-routing/schema.js";
import type { RateLimitConfig } from "../../filters/rate-limit/schema.js";
import type { RetryBudgetConfig } from "../../filters/retry-budget/schema.js";
import type { FilterUse } from "../destinations.js";

const MAX_LENGTH = 100;
const FAULTS = ["delay", "abort", "blackHole", "response"] as const;

/** Its rules, each with what it does; where it has none, its settings. */
export function describeSettings(use: FilterUse): string {
  return describeRules(use) || "no rules";
}

function describeRules({ filter, config }: FilterUse): string {
  // The mesh schema has checked the configuration against each filter's own schema.
  switch (filter) {
    case "header-routing":
      return (config as unknown as HeaderRoutingConfig).rules.map(describeRoute).join(", ");
    case "fault-injection":
      return (config as unknown as FaultInjectionConfig).rules.map(describeFault).join(", ");
    case "rate-limit":
      return (config as unknown as RateLimitConfig).rules.map(describeLimit).join(", ");
    case "retry-budget":
      return ((config as unknown as RetryBudgetConfig).budgets ?? [{ name: "default" }])
        .map(describeBudget)
        .join(", ");
    default:
      return describeKeys(config);
  }
}

function describeRoute(rule: HeaderRoutingConfig["rules"][number]): string {
  const shares = rule.split?.destinations.map(({ name, weight }) => `${name} ${weight}`).join(" / ");
  return `${rule.name} → ${rule.destination ?? shares}`;
}

function describeFault(rule: FaultInjectionConfig["rules"][number]): string {
  const share = rule.share === undefined ? "" : ` for ${rule.share.percentage} %`;
  return `${rule.name} → ${FAULTS.filter((fault) => fault in rule).join(" and ")}${share}${shadow(rule)}`;
}

function describeLimit(rule: RateLimitConfig["rules"][number]): string {
  const { local, global } = rule;
  const limits = [
    ...(local === undefined ? [] : [describeLocal(local)]),
    ...(global === undefined ? [] : ["as the service says"]),
  ];
  return `${rule.name} → ${limits.join(", ")}${shadow(rule)}`;
}

function describeLocal({
  limit,
  unit,
  burst = limit,
}: NonNullable<RateLimitConfig["rules"][number]["local"]>): string {
  return burst === limit ? `${limit} a ${unit}` : `${limit} a ${unit}, up to ${burst} at once`;
}

function describeBudget(budget: NonNullable<RetryBudgetConfig["budgets"]>[number]): string {
  const { concurrency, ratio } = budget;
  const share =
    concurrency === undefined
      ? `retries up to ${ratio?.percentage ?? 20} % of the requests and ${ratio?.minRetriesPerSecond ?? 10} a second`
      : `retries at once up to ${concurrency.percentage ?? 20} % of the requests, ${concurrency.minRetryConcurrency ?? 3} in any case`;
  return `${budget.name} → ${share}${shadow(budget)}`;
}

function shadow(rule: { readonly shadow?: boolean | undefined }): string {
  return rule.shadow === true ? " (shadow)" : "";
}

function describeKeys(config: Json): string {
  const text = Object.entries(config ?? {})
    .map(([key, value]) => `${key} ${Array.isArray(value) ? value.join("+") : JSON.stringify(value)}`)
    .join(", ");
  if (text === "") return "defaults";
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text;
}
