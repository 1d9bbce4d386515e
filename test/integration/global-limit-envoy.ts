// An Envoy with rate-limit before one upstream, and a rate limit service beside it, for the tests of global limits.

import { expect } from "vitest";
import type { Json } from "../../envoy/config/json.js";
import type { WasmFilterOptions } from "../../envoy/config/wasm.js";
import type { RateLimitConfig } from "../../filters/rate-limit/schema.js";
import { type SendOptions, send } from "../harness/client.js";
import { type Destination, type EnvoyOptions, startEnvoy, type TestEnvoy } from "../harness/envoy.js";
import { startUpstream, type Upstream } from "../harness/upstream.js";
import type { ClientResponse } from "../traffic.js";

const FILTER = "rate-limit";
const DECISIONS = "wasmcustom.meshwright.rate_limit.decisions_total";

/** The cluster of the service, and one behind which nobody listens. */
export const SERVICE = "limits";
export const DEAD = "dead";

export type Service = NonNullable<RateLimitConfig["service"]>;
export type Rule = RateLimitConfig["rules"][number];

/** Disposing of it ends Envoy and the upstream; the service is whoever's who started it. */
export interface GlobalLimitEnvoy extends AsyncDisposable {
  readonly envoy: TestEnvoy;
  readonly upstream: Upstream;
  /** Gives the filter a configuration that it must take. */
  configure(config: RateLimitConfig): Promise<void>;
  send(options?: SendOptions): Promise<ClientResponse>;
  /** Sends so many requests at once, and gives how often each status came. */
  statuses(count: number, options?: SendOptions): Promise<Readonly<Record<string, number>>>;
  /** How often each outcome of a rule was counted so far. */
  outcomes(rule: string): Promise<Readonly<Record<string, number>>>;
}

/**
 * @param service what stands behind the cluster `limits`
 * @param more of the filter's place in Envoy's configuration
 * @param listenerOptions of the listener's
 */
export async function startGlobalLimitEnvoy(
  service: Destination,
  more: Pick<WasmFilterOptions, "allowOnHeadersStopIteration"> = {},
  listenerOptions: EnvoyOptions["listenerOptions"] = {},
): Promise<GlobalLimitEnvoy> {
  const upstream = await startUpstream();
  // Nobody listens on the port of TCP's multiplexer.
  const dead: Destination = { port: 1, protocol: "http2" };
  const envoy = await startEnvoy({
    filters: [{ name: FILTER, module: FILTER, configuration: { rules: [] }, ...more }],
    upstreams: { upstream, [SERVICE]: service, [DEAD]: dead },
    listenerOptions: { maxRequestHeadersKb: 512, ...listenerOptions },
  });
  const ask = (options: SendOptions = {}) => send(envoy.url, options);
  return {
    envoy,
    upstream,
    async configure(config) {
      expect(await envoy.configure(FILTER, config as unknown as Json)).toEqual({ accepted: true });
    },
    send: ask,
    async statuses(count, options) {
      const counts: Record<string, number> = {};
      const responses = await Promise.all(Array.from({ length: count }, () => ask(options)));
      for (const { status } of responses) counts[status] = (counts[status] ?? 0) + 1;
      return counts;
    },
    async outcomes(rule) {
      const prefix = `${DECISIONS};rule=${rule};outcome=`;
      const stats = [...(await envoy.admin.stats("decisions_total"))];
      const counted = stats.filter(([name, value]) => name.startsWith(prefix) && value > 0);
      return Object.fromEntries(counted.map(([name, value]) => [name.slice(prefix.length), value]));
    },
    async [Symbol.asyncDispose]() {
      await envoy[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** A configuration with these rules, whose service has a timeout that a busy machine keeps. */
export function globalConfig(
  rules: readonly Rule[],
  service: Partial<Service> = {},
  more: Omit<RateLimitConfig, "rules" | "service"> = {},
): RateLimitConfig {
  return {
    ...more,
    service: { cluster: SERVICE, domain: "shop", timeout: "5s", ...service },
    rules: [...rules],
  };
}

/** A rule that asks about the header `x-user`, under the name `user`. */
export function perUser(name: string, more: Partial<Rule> = {}): Rule {
  return { name, key: [{ header: "x-user", as: "user" }], global: {}, ...more } as Rule;
}
