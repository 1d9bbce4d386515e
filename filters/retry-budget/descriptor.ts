// What the toolkit knows about retry-budget beside its module.

import { defineFilter, explainPropertyOf, type FilterChain } from "../descriptor.js";
import {
  DEFAULT_BUDGET,
  DEFAULT_PERCENTAGE,
  DEFAULT_RETRIES_PER_SECOND,
  DEFAULT_RETRY_CONCURRENCY,
  UPSTREAM,
} from "./limits.js";
import { clusterName, type RetryBudgetConfig, retryBudgetSchema } from "./schema.js";

type Budget = NonNullable<RetryBudgetConfig["budgets"]>[number];

/** In a cluster's chain the filter marks a response that the router must not retry. */
const MARK = "x-envoy-ratelimited";
/** With this condition the router retries marked responses, and only these. */
const OPPOSITE = "envoy-ratelimited";

export default defineFilter({
  name: "retry-budget",
  summary: "keeps the router's retries to a share of the requests, over all workers",
  schema: retryBudgetSchema,
  metricLabels: ["rule", "outcome", "books", "slot"],
  explainProperties: (config) => explainPropertyOf(config),
  chain: chainOf,
  restartKeys: (config) => ({ where: chainOf(config) }),
  inCluster,
  routerHeaders: (config) => (chainOf(config) === UPSTREAM ? [MARK] : []),
  refusedRetryConditions: (config): Readonly<Record<string, string>> =>
    chainOf(config) === UPSTREAM
      ? { [OPPOSITE]: "retries just what the filter says must not be retried" }
      : {},
  describe: ({ budgets = [{ name: DEFAULT_BUDGET }] }) => budgets.map(describeBudget),
});

function chainOf({ where = UPSTREAM }: RetryBudgetConfig): FilterChain {
  return where;
}

/** Names the cluster where a budget is each cluster's own, which spares a request the question. */
function inCluster(config: RetryBudgetConfig, cluster: string): RetryBudgetConfig {
  if (chainOf(config) !== UPSTREAM || !clusterName.safeParse(cluster).success) return config;
  const { budgets = [{ name: DEFAULT_BUDGET }] } = config;
  if (!budgets.some(asksForCluster)) return config;
  return {
    ...config,
    budgets: budgets.map((budget) => (asksForCluster(budget) ? { ...budget, per: { cluster } } : budget)),
  };
}

function asksForCluster({ per = { cluster: true } }: Budget): boolean {
  return per.cluster === true;
}

function describeBudget({ name, concurrency, ratio, shadow }: Budget): string {
  const { percentage = DEFAULT_PERCENTAGE } = concurrency ?? ratio ?? {};
  const share =
    concurrency === undefined
      ? `retries up to ${percentage} % of the requests and ${ratio?.minRetriesPerSecond ?? DEFAULT_RETRIES_PER_SECOND} a second`
      : `retries at once up to ${percentage} % of the requests, ${concurrency.minRetryConcurrency ?? DEFAULT_RETRY_CONCURRENCY} in any case`;
  return `${name} → ${share}${shadow === true ? " (shadow)" : ""}`;
}
