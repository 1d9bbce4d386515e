// An Envoy with header-routing before three upstreams, for the tests of that filter.

import { expect } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { HeaderRoutingConfig } from "../../../filters/header-routing/schema.js";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import type { EnvoyOptions } from "../../../kit/envoy/options.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { ClientResponse, HeaderList } from "../../../kit/traffic.js";

const FILTER = "header-routing";

/** Disposing of it ends Envoy and the upstreams. */
export interface RoutingEnvoy extends AsyncDisposable {
  readonly envoy: TestEnvoy;
  /** Destinations `v1`, the fallback, `v2` and `v3`. */
  readonly upstreams: Readonly<Record<"v1" | "v2" | "v3", Upstream>>;
  /** Gives the filter a configuration that it must accept. */
  configure(config: HeaderRoutingConfig): Promise<void>;
  /** The name of the upstream that answers. */
  reached(options?: SendOptions): Promise<string>;
}

export interface RoutingEnvoyOptions {
  /** Envoy's own filters before header-routing. */
  readonly before?: NonNullable<EnvoyOptions["filters"]>;
  readonly listenerOptions?: EnvoyOptions["listenerOptions"];
  readonly routeOptions?: EnvoyOptions["routeOptions"];
  /** Headers of the upstreams' answers. */
  readonly upstreamHeaders?: HeaderList;
}

export async function startRoutingEnvoy({
  before = [],
  listenerOptions = {},
  routeOptions = {},
  upstreamHeaders = [],
}: RoutingEnvoyOptions = {}): Promise<RoutingEnvoy> {
  const named = (name: string) =>
    startUpstream({
      name,
      respond: ({ path, headers }) => ({
        headers: [["content-type", "application/json"], ...upstreamHeaders],
        body: JSON.stringify({ upstream: name, path, headers }),
      }),
    });
  const [v1, v2, v3] = await Promise.all([named("v1"), named("v2"), named("v3")]);
  const upstreams = { v1, v2, v3 };
  const envoy = await startEnvoy({
    filters: [...before, { name: FILTER, module: FILTER, configuration: { rules: [] } }],
    upstreams,
    listenerOptions: { maxRequestHeaders: 1000, maxRequestHeadersKb: 512, ...listenerOptions },
    routeOptions,
  });
  return {
    envoy,
    upstreams,
    async configure(config) {
      expect(await envoy.configure(FILTER, config as unknown as Json)).toEqual({ accepted: true });
    },
    reached: async (options = {}) => upstreamOf(await send(envoy.url, options)),
    async [Symbol.asyncDispose]() {
      await Promise.all([envoy, v1, v2, v3].map((resource) => resource[Symbol.asyncDispose]()));
    },
  };
}

/** Which upstream an answer came from; the answer must be a good one. */
export function upstreamOf(response: ClientResponse): string {
  expect(response.status).toBe(200);
  return (JSON.parse(response.body) as { upstream: string }).upstream;
}
