// An Envoy with deadline in its chains, for the tests of that filter.

import { expect } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { RetryPolicyOptions } from "../../../envoy/config/route.js";
import type { DeadlineConfig } from "../../../filters/deadline/schema.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import type { Destination } from "../../../kit/envoy/options.js";

export const LISTENER = "deadline-listener";
export const CLUSTER = "deadline-cluster";
/** The `vm_id` of all, so that they share the table of traces. */
const VM = "deadline";

export interface DeadlineEnvoyOptions {
  readonly upstreams: Readonly<Record<string, Destination>>;
  /** Filters of the listener's chain, in order, each by its name. */
  readonly listener?: Readonly<Record<string, DeadlineConfig>>;
  /** The filter of the clusters' chain. */
  readonly cluster?: DeadlineConfig;
  readonly retryPolicy?: RetryPolicyOptions;
  readonly timeoutSeconds?: number;
}

/** Disposing of it ends Envoy, but not the upstreams. */
export interface DeadlineEnvoy extends AsyncDisposable {
  readonly envoy: TestEnvoy;
  /** Gives a filter a configuration that it must accept. */
  configure(name: string, configuration: DeadlineConfig): Promise<void>;
  /** The decisions so far of the rule, by outcome; those that never happened are left out. */
  decisions(rule: string): Promise<Record<string, number>>;
  /** A statistic of Envoy's; 0 where it does not exist. */
  stat(name: string): Promise<number>;
  /** Checks that no worker's VM has ended. */
  expectAlive(): Promise<void>;
}

export async function startDeadlineEnvoy(options: DeadlineEnvoyOptions): Promise<DeadlineEnvoy> {
  const { upstreams, listener = {}, cluster, retryPolicy, timeoutSeconds = 60 } = options;
  const filter = (name: string, configuration: DeadlineConfig) => ({
    name,
    module: "deadline",
    vmId: VM,
    configuration: configuration as unknown as Json,
  });
  const envoy = await startEnvoy({
    filters: Object.entries(listener).map(([name, configuration]) => filter(name, configuration)),
    upstreamFilters: cluster === undefined ? [] : [filter(CLUSTER, { where: "upstream", ...cluster })],
    upstreams,
    routeOptions: { timeoutSeconds, ...(retryPolicy === undefined ? {} : { retryPolicy }) },
    clusterOptions: { circuitBreakers: { maxRetries: 1000 } },
    listenerOptions: { maxRequestHeadersKb: 512 },
  });
  const stats = async (pattern: string) => [...(await envoy.admin.stats(pattern))];
  return {
    envoy,
    async configure(name, configuration) {
      expect(await envoy.configure(name, configuration as unknown as Json)).toEqual({ accepted: true });
    },
    async decisions(rule) {
      const found = await stats(`meshwright\\.deadline\\.decisions_total;rule=${rule};outcome=`);
      const sums: Record<string, number> = {};
      for (const [name, value] of found) {
        const outcome = name.slice(name.lastIndexOf("=") + 1);
        if (value > 0) sums[outcome] = (sums[outcome] ?? 0) + value;
      }
      return sums;
    },
    async stat(name) {
      return (await envoy.admin.stats(`^${name.replaceAll(".", "\\.")}$`)).get(name) ?? 0;
    },
    async expectAlive() {
      const reloads = await stats("wasm\\.deadline.*\\.vm_reload$");
      expect(reloads).not.toEqual([]);
      expect(reloads.map(([, value]) => value)).toEqual(reloads.map(() => 0));
      expect(envoy.logs()).not.toContain("Function: proxy_on_");
    },
    [Symbol.asyncDispose]: () => envoy[Symbol.asyncDispose](),
  };
}
