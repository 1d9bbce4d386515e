// What the toolkit knows of retry-budget beside its module.

import { defineFilter, type FilterChain } from "../descriptor.js";
import { type RetryBudgetConfig, retryBudgetSchema } from "./schema.js";

type Budget = NonNullable<RetryBudgetConfig["budgets"]>[number];

/** In a cluster's chain it marks a response that the router must not retry. */
const MARK = "x-envoy-ratelimited";
/** With this condition a marked response is retried, and no other is spared. */
const OPPOSITE = "envoy-ratelimited";

export default defineFilter({
  name: "retry-budget",
  summary: "keeps the router's retries to a share of the requests, over all workers",
  schema: retryBudgetSchema,
  metricLabels: ["rule", "outcome"],
  chain: chainOf,
  restartKeys: (config) => ({ where: chainOf(config) }),
  routerHeaders: (config) => (chainOf(config) === "upstream" ? [MARK] : []),
  refusedRetryConditions: (config): Readonly<Record<string, string>> =>
    chainOf(config) === "upstream"
      ? { [OPPOSITE]: "retries just what the filter says must not be retried" }
      : {},
  describe: ({ budgets = [{ name: "default" }] }) => budgets.map(describeBudget),
});

function chainOf({ where = "upstream" }: RetryBudgetConfig): FilterChain {
  return where;
}

function describeBudget({ name, concurrency, ratio, shadow }: Budget): string {
  const share =
    concurrency === undefined
      ? `retries up to ${ratio?.percentage ?? 20} % of the requests and ${ratio?.minRetriesPerSecond ?? 10} a second`
      : `retries at once up to ${concurrency.percentage ?? 20} % of the requests, ${concurrency.minRetryConcurrency ?? 3} in any case`;
  return `${name} → ${share}${shadow === true ? " (shadow)" : ""}`;
}
