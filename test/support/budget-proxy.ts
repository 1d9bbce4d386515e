// retry-budget in the in-process host, before an upstream that always fails and routes that retry
// three times. For the tests beside the filter.

import type { RetryBudgetConfig } from "../../filters/retry-budget/schema.js";
import { type HeaderList, type HostedProxy, hostProxy, type ProxyOptions } from "../../kit/index.js";
import { filterModule } from "../../toolchain/compile/filter-module.js";

const METRIC = "meshwright.retry_budget.";
/** The name of the budget that `one` makes. */
const ONE = "one";

/** A budget without a minimum, so that retries are only a share of the requests. */
export const BARE = { minRetriesPerSecond: 0 };
/** Longer than any promise of a retry lasts, in milliseconds. */
export const PROMISE_MS = 700;

export type ProxyOf = (configuration: RetryBudgetConfig, options?: ProxyOptions) => HostedProxy;

/** Compiles the filter. */
export async function budgetProxies(): Promise<{ readonly module: string; readonly proxyOf: ProxyOf }> {
  const module = await filterModule("retry-budget");
  const proxyOf: ProxyOf = (configuration, options = {}) => {
    const filter = { name: "budget", module, configuration: JSON.parse(JSON.stringify(configuration)) };
    const chain =
      configuration.where === "downstream" ? { filters: [filter] } : { upstreamFilters: [filter] };
    return hostProxy({
      ...chain,
      upstreams: { shop: () => ({ status: 503, headers: [["x-shop", "closed"]], body: "shop is closed" }) },
      routeOptions: { retryPolicy: { retryOn: ["5xx"], numRetries: 3 } },
      ...options,
    });
  };
  return { module, proxyOf };
}

export const one = (fields: object): RetryBudgetConfig => ({ budgets: [{ name: ONE, ...fields }] });

export const counted = (proxy: HostedProxy, outcome: string, rule = ONE): number =>
  proxy.metrics.get(`${METRIC}decisions_total;rule=${rule};outcome=${outcome}`) ?? 0;

export const remaining = (proxy: HostedProxy, rule = ONE): number | undefined =>
  proxy.metrics.get(`${METRIC}retries_remaining;rule=${rule}`);

/** Sends this many requests one after the other, each to its end. */
export function send(proxy: HostedProxy, times: number, headers: HeaderList = []) {
  return Array.from({ length: times }, () => {
    const exchange = proxy.request({ headers });
    proxy.advance(1_000);
    return exchange;
  });
}

export const attempts = (exchanges: readonly { readonly attempts: number }[]): number =>
  exchanges.reduce((sum, exchange) => sum + exchange.attempts, 0);
