// An Envoy with fallback in front of circuit-breaker and deadline, and an upstream that answers as
// a test says.

import { expect } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { FallbackConfig } from "../../../filters/fallback/schema.js";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import type { EnvoyOptions } from "../../../kit/envoy/options.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { ClientResponse, UpstreamRequest, UpstreamResponse } from "../../../kit/traffic.js";

export const FILTER = "fallback";
const METRIC = "meshwright.fallback.";

export type Rule = FallbackConfig["rules"][number];
export type Respond = (request: UpstreamRequest) => UpstreamResponse;

/** Disposing of it ends Envoy and the upstream. */
export interface FallbackEnvoy extends AsyncDisposable {
  readonly envoy: TestEnvoy;
  readonly upstream: Upstream;
  /** What the upstream answers. */
  respond: Respond;
  /** Gives the filter one rule with a name of its own, which is returned. */
  rule(fields?: Omit<Rule, "name">, root?: Omit<FallbackConfig, "rules">): Promise<string>;
  request(options?: SendOptions): Promise<ClientResponse>;
  /** Sends a request until its answer is kept, which is so once the rule has counted it. */
  keep(rule: string, options?: SendOptions): Promise<ClientResponse>;
  /** Metrics of a rule that are not 0, by name and outcome: `decisions_total passed`. */
  metrics(rule: string): Promise<Readonly<Record<string, number>>>;
  /** Checks that no worker's VM has ended. */
  expectAlive(): Promise<void>;
}

export async function startFallbackEnvoy(
  options: Omit<EnvoyOptions, "filters" | "upstreams"> & {
    readonly after?: NonNullable<EnvoyOptions["filters"]>;
    readonly protocol?: "http1" | "http2";
  } = {},
): Promise<FallbackEnvoy> {
  const { after = [], protocol = "http1", workers = 2, ...rest } = options;
  let rules = 0;
  const upstream = await startUpstream({ protocol, respond: (request) => fallback.respond(request) });
  const ours = { name: FILTER, module: FILTER, configuration: { rules: [] } };
  const envoy = await startEnvoy({
    ...rest,
    workers,
    filters: [ours, ...after],
    upstreams: { upstream: { port: upstream.port, protocol } },
  });
  const fallback: FallbackEnvoy = {
    envoy,
    upstream,
    respond: () => ({ body: "good" }),
    async rule(fields = {}, root = {}) {
      const name = `rule-${rules++}`;
      const config = { explainHeader: "x-fallback", ...root, rules: [{ name, ...fields }] };
      expect(await envoy.configure(FILTER, config as unknown as Json)).toEqual({ accepted: true });
      return name;
    },
    request: (sent = {}) => send(envoy.url, sent),
    async keep(rule, sent = {}) {
      const before = (await fallback.metrics(rule))["answers_total kept"] ?? 0;
      const response = await send(envoy.url, sent);
      const kept = async () => (await fallback.metrics(rule))["answers_total kept"];
      await expect.poll(kept).toBe(before + 1);
      return response;
    },
    async metrics(rule) {
      const found = await envoy.admin.stats(`meshwright\\.fallback\\..*;rule=${rule};`);
      const named = [...found].map(([name, value]) => {
        const [metric = "", , outcome = ""] = name.slice(name.indexOf(METRIC) + METRIC.length).split(";");
        return [`${metric} ${outcome.replace("outcome=", "")}`, value] as const;
      });
      return Object.fromEntries(named.filter(([, value]) => value !== 0));
    },
    async expectAlive() {
      const reloads = [...(await envoy.admin.stats(`wasm\\.${FILTER}\\.vm_reload$`)).values()];
      expect(reloads).not.toEqual([]);
      expect(reloads.every((count) => count === 0)).toBe(true);
      expect(envoy.logs()).not.toContain("Function: proxy_on_");
    },
    async [Symbol.asyncDispose]() {
      await envoy[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
  return fallback;
}
