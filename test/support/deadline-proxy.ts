// The filter deadline in the in-process host, for the tests beside the filter.

import type { DeadlineConfig } from "../../filters/deadline/schema.js";
import { type HostedProxy, hostProxy, type ProxyOptions } from "../../kit/index.js";
import type { UpstreamRequest } from "../../kit/traffic.js";
import { filterModule } from "../../toolchain/compile/filter-module.js";

const METRIC = "meshwright.deadline.";
/** The name of the rule that `one` makes. */
const ONE = "one";

/** Both chains of one proxy; a chain without a configuration has no filter. */
export interface Chains {
  readonly listener?: DeadlineConfig;
  /** A second filter of the listener's chain, behind the first. */
  readonly second?: DeadlineConfig;
  readonly cluster?: DeadlineConfig;
}

export type DeadlineProxyOf = (chains: Chains, options?: ProxyOptions) => HostedProxy;

/** Compiles the filter. */
export async function deadlineProxies(): Promise<{
  readonly module: string;
  readonly proxyOf: DeadlineProxyOf;
}> {
  const module = await filterModule("deadline");
  const filter = (name: string, configuration: DeadlineConfig) => ({
    name,
    module,
    vmId: "deadline",
    configuration: JSON.parse(JSON.stringify(configuration)),
  });
  const proxyOf: DeadlineProxyOf = ({ listener, second, cluster }, options = {}) =>
    hostProxy({
      filters: [
        ...(listener === undefined ? [] : [filter("listener", listener)]),
        ...(second === undefined ? [] : [filter("second", second)]),
      ],
      upstreamFilters: cluster === undefined ? [] : [filter("cluster", { where: "upstream", ...cluster })],
      ...options,
    });
  return { module, proxyOf };
}

/** A configuration with one rule, which believes the header. */
export const one = (fields: object = {}, more: DeadlineConfig = {}): DeadlineConfig => ({
  header: { trusted: true },
  rules: [{ name: ONE, ...fields }],
  ...more,
});

/** The decisions so far, by outcome. */
export function decisions(proxy: HostedProxy, rule = ONE): Record<string, number> {
  const prefix = `${METRIC}decisions_total;rule=${rule};outcome=`;
  const counted = [...proxy.metrics].filter(([name, value]) => name.startsWith(prefix) && value > 0);
  return Object.fromEntries(counted.map(([name, value]) => [name.slice(prefix.length), value]));
}

export const counter = (proxy: HostedProxy, name: string, rule = ONE): number =>
  proxy.metrics.get(`${METRIC}${name};rule=${rule}`) ?? 0;

/** What an upstream was told, by short names; what it was not told is left out. */
export function told(request: UpstreamRequest | undefined): Record<string, string> {
  const headers = {
    left: "x-request-timeout-ms",
    grpc: "grpc-timeout",
    expected: "x-envoy-expected-rq-timeout-ms",
    router: "x-envoy-upstream-rq-timeout-ms",
    perTry: "x-envoy-upstream-rq-per-try-timeout-ms",
  };
  const values = Object.entries(headers).map(([name, header]) => [name, request?.header(header)] as const);
  return Object.fromEntries(
    values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}
