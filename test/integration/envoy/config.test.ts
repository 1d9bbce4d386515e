// Stock Envoy judges what the builders produce: every combination of options goes through `--mode
// validate`.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type BootstrapOptions, bootstrap } from "../../../envoy/config/bootstrap.js";
import { type ClusterOptions, cluster } from "../../../envoy/config/cluster.js";
import { withDiscovery } from "../../../envoy/config/discovery.js";
import type { HttpFilter } from "../../../envoy/config/http-filter.js";
import type { Json } from "../../../envoy/config/json.js";
import { type HttpListenerOptions, httpListener } from "../../../envoy/config/listener.js";
import {
  type DestinationRoutesOptions,
  destinationRoutes,
  directResponse,
  prefixRoute,
  virtualHost,
} from "../../../envoy/config/route.js";
import { statsTags } from "../../../envoy/config/stats-tags.js";
import { discoveredFilter, type WasmFilterOptions, wasmFilter } from "../../../envoy/config/wasm.js";
import { toYaml } from "../../../envoy/config/yaml.js";
import { type EnvoyBinary, findEnvoy } from "../../../envoy/runtime/find.js";
import { validateBootstrap } from "../../../envoy/runtime/validate.js";
import { buildProbeModule, PROBE_REFUSAL, PROBE_REFUSED } from "../../support/probe-module.js";

let envoy: EnvoyBinary;
let directory: string;
let module: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "meshwright-config-"));
  module = await buildProbeModule(directory);
  envoy = await findEnvoy();
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** What a case varies; the rest of the bootstrap is as small as possible. */
interface Parts {
  readonly bootstrap?: Partial<BootstrapOptions>;
  readonly listener?: Partial<HttpListenerOptions>;
  readonly routes?: Partial<DestinationRoutesOptions>;
  readonly cluster?: Partial<ClusterOptions>;
}

function build(parts: Parts) {
  const routes = destinationRoutes({
    destinations: { v1: "one", v2: "one" },
    fallback: "one",
    ...parts.routes,
  });
  return bootstrap({
    node: { id: "a", cluster: "b" },
    adminPort: 9901,
    listeners: [
      httpListener({
        name: "inbound",
        port: 8080,
        filters: [],
        virtualHosts: [virtualHost({ name: "all", routes })],
        ...parts.listener,
      }),
    ],
    clusters: [cluster({ name: "one", endpoints: [{ address: "127.0.0.1", port: 8081 }], ...parts.cluster })],
    ...parts.bootstrap,
  });
}

function accepted(parts: Parts): Promise<void> {
  // Goes through YAML, because people and the command line give Envoy YAML.
  const whole = withDiscovery(build(parts), { address: "127.0.0.1", port: 9902 });
  return validateBootstrap(envoy, parse(toYaml(whole)));
}

const cases: Record<string, Parts> = {
  "only what is required": {},
  "every limit and timeout of a listener": {
    listener: {
      address: "0.0.0.0",
      statPrefix: "in",
      maxRequestHeaders: 20_000,
      maxRequestHeadersKb: 8192,
      requestTimeoutSeconds: 30,
      requestHeadersTimeoutSeconds: 0.5,
      streamIdleTimeoutSeconds: 0,
    },
  },
  "the switches of a listener, on": {
    listener: {
      useRemoteAddress: true,
      xffTrustedHops: 2,
      preserveExternalRequestId: true,
      normalizePath: true,
    },
  },
  "the switches of a listener, off": {
    listener: { useRemoteAddress: false, preserveExternalRequestId: false, normalizePath: false },
  },
  "a listener on IPv6": { listener: { address: "::1" } },
  "an access log": {
    listener: {
      accessLog: { path: "/dev/null", fields: { on: "%RESPONSE_CODE%", path: "%REQ(:PATH)% 100%%" } },
    },
  },
  "a direct response": {
    listener: {
      virtualHosts: [virtualHost({ name: "all", routes: [directResponse({ status: 404, body: "yes\n" })] })],
    },
  },
  "several virtual hosts, with the count of attempts and headers to remove": {
    listener: {
      virtualHosts: [
        virtualHost({
          name: "orders",
          domains: ["orders", "orders:8080", "*.orders"],
          routes: destinationRoutes({ destinations: {}, fallback: "one" }),
          includeAttemptCount: true,
          removeResponseHeaders: ["x-envoy-ratelimited", "x-b"],
        }),
        virtualHost({ name: "rest", routes: [directResponse({ status: 503, body: "" })] }),
      ],
    },
  },
  "every option of routes": {
    routes: {
      header: "x-version",
      destinations: { on: "one", "1": "one", "a b": "one", "~": "one" },
      timeoutSeconds: 1e-9,
      hostRewrite: "shop.example",
      retryPolicy: {
        retryOn: ["5xx", "reset", "connect-failure", "retriable-status-codes"],
        numRetries: 3,
        perTryTimeoutSeconds: 0.25,
        retriableStatusCodes: [429, 503],
      },
    },
  },
  "a cluster of HTTP/2": { cluster: { protocol: "http2", connectTimeoutSeconds: 0.25 } },
  "a cluster with every circuit breaker": {
    cluster: {
      circuitBreakers: {
        maxConnections: 1,
        maxPendingRequests: 0,
        maxRequests: 2 ** 31,
        maxRetries: 2 ** 32 - 1,
      },
    },
  },
  "a cluster with one circuit breaker": { cluster: { circuitBreakers: { maxRetries: 7 } } },
  "routes by prefix": {
    listener: {
      virtualHosts: [
        virtualHost({
          name: "all",
          routes: [
            prefixRoute({ name: "api", prefix: "/api", cluster: "one" }),
            prefixRoute({
              name: "rest",
              prefix: "/",
              cluster: "one",
              timeoutSeconds: 0,
              retryPolicy: { retryOn: ["unavailable"] },
            }),
          ],
        }),
      ],
    },
  },
  "a cluster of names": { cluster: { endpoints: [{ address: "localhost", port: 8081 }] } },
  "a cluster of addresses of both families": {
    cluster: {
      endpoints: [
        { address: "127.0.0.1", port: 1 },
        { address: "::1", port: 65_535 },
      ],
    },
  },
  "an empty cluster": { cluster: { endpoints: [] } },
  "tags for metrics": { bootstrap: { statsTags: statsTags(["rule", "destination", "limit_2"]) } },
  "neither listeners nor clusters": { bootstrap: { listeners: [], clusters: [] } },
};

describe("Envoy accepts", () => {
  test.each(Object.entries(cases))("%s", (_, parts) => accepted(parts));
});

describe("Envoy accepts a Wasm filter", () => {
  const configurations: Record<string, Json | undefined> = {
    none: undefined,
    null: null,
    text: 'on\n\u0000"é😀\u2028',
    number: 1.5,
    rules: { rules: [{ name: "yes", weights: { v1: 9000, v2: 1000 } }], empty: {}, none: [] },
  };
  const filters: Record<string, Partial<WasmFilterOptions>> = {
    "that reloads": { failurePolicy: "FAIL_RELOAD" },
    "that fails open": { failurePolicy: "FAIL_OPEN" },
    "that fails closed": { failurePolicy: "FAIL_CLOSED" },
    "with a named VM": { vmId: "shared" },
    "with a configuration for the VM": { vmConfiguration: { region: "north" } },
    "that may receive the body while its headers are held": { allowOnHeadersStopIteration: true },
    ...Object.fromEntries(
      Object.entries(configurations).map(([name, configuration]) => [
        `with this configuration: ${name}`,
        configuration === undefined ? {} : { configuration },
      ]),
    ),
  };

  test.each(Object.entries(filters))(
    "%s, inline in both chains and discovered in both",
    async (_name, over) => {
      const chain = (place: string): readonly HttpFilter[] => {
        const inline = { name: `${place}-inline`, module, ...over };
        return [wasmFilter(inline), discoveredFilter(`${place}-discovered`)];
      };
      await accepted({
        listener: { filters: chain("listener") },
        cluster: { filters: chain("cluster") },
      });
    },
  );
});

describe("Envoy refuses", () => {
  test("a filter that refuses its configuration, with the filter's reason", async () => {
    const filters = [wasmFilter({ name: "probe", module, configuration: PROBE_REFUSED })];
    await expect(accepted({ listener: { filters } })).rejects.toMatchObject({
      code: "configuration",
      message: expect.stringContaining(PROBE_REFUSAL),
    });
  });

  test("a route to a cluster that does not exist", async () => {
    await expect(accepted({ routes: { fallback: "missing" } })).rejects.toThrow(/missing/);
  });
});
