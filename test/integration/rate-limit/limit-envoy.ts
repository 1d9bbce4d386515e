// An Envoy with rate-limit before one upstream, for the tests of that filter.

import { expect } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { RateLimitConfig } from "../../../filters/rate-limit/schema.js";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import type { EnvoyOptions } from "../../../kit/envoy/options.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { ClientResponse } from "../../../kit/traffic.js";

const FILTER = "rate-limit";
const DECISIONS = "wasmcustom.meshwright.rate_limit.decisions_total";

export type LimitRule = RateLimitConfig["rules"][number];

/** Disposing of it ends Envoy and the upstream. */
export interface LimitEnvoy extends AsyncDisposable {
  readonly envoy: TestEnvoy;
  readonly upstream: Upstream;
  /** Gives the filter a configuration that it must accept. */
  configure(config: RateLimitConfig): Promise<void>;
  /** The same with these rules alone. */
  rules(...rules: LimitRule[]): Promise<void>;
  request(options?: SendOptions): Promise<ClientResponse>;
  /** The statuses of the given number of requests, one after the other. */
  statuses(count: number, options?: SendOptions): Promise<readonly number[]>;
  /** How often a rule had each of its outcomes; outcomes that never happened are left out. */
  outcomes(rule: string): Promise<Readonly<Record<string, number>>>;
}

export interface LimitEnvoyOptions extends Omit<EnvoyOptions, "upstreams" | "filters"> {
  /** Envoy's own filters before and after rate-limit. */
  readonly before?: NonNullable<EnvoyOptions["filters"]>;
  readonly after?: NonNullable<EnvoyOptions["filters"]>;
  /**
   * What is behind Envoy, under two names, so that there are two routes. Default: an upstream that
   * answers 200 with `ok`.
   */
  readonly upstream?: Upstream;
}

export async function startLimitEnvoy(options: LimitEnvoyOptions = {}): Promise<LimitEnvoy> {
  const { before = [], after = [], upstream: given, ...rest } = options;
  const upstream = given ?? (await startUpstream({ respond: () => ({ body: "ok" }) }));
  const envoy = await startEnvoy({
    ...rest,
    filters: [...before, { name: FILTER, module: FILTER, configuration: { rules: [] } }, ...after],
    upstreams: { one: upstream, two: upstream },
  });
  const configure = async (config: RateLimitConfig) => {
    expect(await envoy.configure(FILTER, config as unknown as Json)).toEqual({ accepted: true });
  };
  const request = (sent: SendOptions = {}) => send(envoy.url, sent);
  return {
    envoy,
    upstream,
    configure,
    request,
    rules: (...rules) => configure({ rules }),
    async statuses(count, sent) {
      const statuses: number[] = [];
      for (let i = 0; i < count; i++) statuses.push((await request(sent)).status);
      return statuses;
    },
    outcomes: (rule) => outcomesOf(envoy, rule),
    async [Symbol.asyncDispose]() {
      await envoy[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

async function outcomesOf(envoy: TestEnvoy, rule: string): Promise<Readonly<Record<string, number>>> {
  const prefix = `${DECISIONS};rule=${rule};outcome=`;
  const stats = await envoy.admin.stats("rate_limit\\.decisions_total");
  const ours = [...stats].filter(([name, value]) => name.startsWith(prefix) && value > 0);
  return Object.fromEntries(ours.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** Checks that every worker has served, and that the module still runs. */
export async function expectAlive({ envoy, request }: LimitEnvoy): Promise<void> {
  for (let i = 0; i < 8; i++) expect([200, 429]).toContain((await request()).status);
  const reloads = [...(await envoy.admin.stats("vm_reload$")).values()];
  expect(reloads.length).toBeGreaterThan(0);
  expect(reloads.every((count) => count === 0)).toBe(true);
  expect(envoy.logs()).not.toContain("Function: proxy_on_");
}
