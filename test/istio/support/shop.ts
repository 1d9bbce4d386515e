// The smallest mesh: the sidecar of `web`, which calls `orders` in two versions. Resources are
// written by hand, in the form that `meshwright render istio` writes.

import { expect, vi } from "vitest";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { ClientResponse, HeaderList } from "../../../kit/traffic.js";
import { type ControlPlane, type Resource, toYaml } from "./control-plane.js";
import { startIstiodLite } from "./istiod-lite.js";
import { owning } from "./owning.js";
import { startWorkload, type Workload } from "./workload.js";

export const HOST = "orders.shop.svc.cluster.local";
const NAMESPACE = "shop";
/** The only warning that a good resource has: every EnvoyFilter has it. */
const KNOWN_WARNING = "exposes internal implementation details";

interface ShopParts {
  readonly control: ControlPlane;
  readonly web: Workload;
  /** By version. They answer with the status that `x-answer` names. */
  readonly orders: Readonly<Record<"v1" | "v2", Upstream>>;
  /** The service's port, on which web's sidecar listens. */
  readonly port: number;
  /** Applies the mesh's resources and these. Istio must accept them without a warning. */
  apply(...resources: readonly Resource[]): Promise<void>;
  /** A request of web to orders. */
  call(headers?: HeaderList, options?: SendOptions): Promise<ClientResponse>;
  /** The answering version and what it saw. */
  answer(headers?: HeaderList): Promise<{ upstream: string; headers: Record<string, string> }>;
}

/** Disposing of it ends everything. */
export type Shop = ShopParts & AsyncDisposable;

const respond = (name: string) => (request: { readonly headers: HeaderList }) => {
  const headers = Object.fromEntries(request.headers);
  return { status: Number(headers["x-answer"] ?? 200), body: JSON.stringify({ upstream: name, headers }) };
};

/** @param given a control plane that is the caller's to end. Default: its own istiod-lite. */
export function startShop(given?: ControlPlane): Promise<Shop> {
  return owning<ShopParts>(async (use) => {
    const v1 = use(await startUpstream({ name: "v1", address: "127.0.2.1", respond: respond("v1") }));
    const v2 = use(await startUpstream({ name: "v2", address: "127.0.2.2", respond: respond("v2") }));
    const [port = 0] = await freePorts(1);
    const control = given ?? use(await startIstiodLite());
    const base = meshResources(port, { v1, v2 });
    await applyTo(control, base);
    const web = use(await startWorkload({ name: "web", control }));
    const call: ShopParts["call"] = (headers = [], options = {}) =>
      send(`http://127.0.0.1:${port}`, { ...options, headers: [["host", HOST], ...headers] });
    return {
      control,
      web,
      orders: { v1, v2 },
      port,
      apply: (...resources) => applyTo(control, [...base, ...resources]),
      call,
      answer: async (headers) => JSON.parse((await call(headers)).body),
    };
  });
}

async function applyTo(control: ControlPlane, resources: readonly Resource[]): Promise<void> {
  const verdicts = await control.apply(toYaml(...resources));
  expect(verdicts.filter(({ message }) => !message.includes(KNOWN_WARNING))).toEqual([]);
}

function meshResources(port: number, orders: Readonly<Record<string, Upstream>>): readonly Resource[] {
  const metadata = { name: "orders", namespace: NAMESPACE };
  const versions = Object.entries(orders);
  const to = (subset: string) => [{ destination: { host: HOST, subset } }];
  return [
    {
      apiVersion: "networking.istio.io/v1",
      kind: "ServiceEntry",
      metadata,
      spec: {
        hosts: [HOST],
        location: "MESH_INTERNAL",
        resolution: "STATIC",
        ports: [{ number: port, name: "http", protocol: "HTTP" }],
        endpoints: versions.map(([version, upstream], i) => ({
          address: `127.0.2.${i + 1}`,
          ports: { http: upstream.port },
          labels: { app: "orders", version },
        })),
      },
    },
    {
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata,
      spec: {
        host: HOST,
        trafficPolicy: { tls: { mode: "DISABLE" } },
        subsets: versions.map(([version]) => ({ name: version, labels: { version } })),
      },
    },
    {
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata,
      spec: {
        hosts: [HOST],
        http: [
          { match: [{ headers: { "x-mesh-destination": { exact: "v2" } } }], route: to("v2") },
          {
            route: to("v1"),
            retries: { attempts: 3, retryOn: "5xx", perTryTimeout: "2s" },
            headers: { response: { remove: ["x-envoy-ratelimited"] } },
          },
        ],
      },
    },
  ];
}

export interface PluginOptions {
  readonly name: string;
  /** `oci://…` */
  readonly url: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly port: number;
  /** Default: FAIL_RELOAD. */
  readonly failStrategy?: "FAIL_OPEN" | "FAIL_CLOSE" | "FAIL_RELOAD";
  /** Further fields. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A filter in the listener's chain of web's calls. */
export function wasmPlugin({ name, url, config, port, failStrategy, spec }: PluginOptions): Resource {
  return {
    apiVersion: "extensions.istio.io/v1alpha1",
    kind: "WasmPlugin",
    metadata: { name, namespace: NAMESPACE },
    spec: {
      selector: { matchLabels: { app: "web" } },
      url,
      failStrategy: failStrategy ?? "FAIL_RELOAD",
      match: [{ mode: "CLIENT", ports: [{ number: port }] }],
      pluginConfig: config,
      ...spec,
    },
  };
}

const WASM = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
/** What the agent puts in the place of a module that it cannot fetch. */
const RBAC = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
const CODEC = "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec";
const PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** A filter in the chain of the clusters of orders. */
export function upstreamFilter({
  name,
  url,
  config,
}: Pick<PluginOptions, "name" | "url" | "config">): Resource {
  const filter = `${NAMESPACE}.${name}`;
  return {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name, namespace: NAMESPACE },
    spec: {
      workloadSelector: { labels: { app: "web" } },
      configPatches: [
        {
          applyTo: "EXTENSION_CONFIG",
          patch: {
            operation: "ADD",
            value: {
              name: filter,
              typed_config: {
                "@type": WASM,
                config: {
                  name: filter,
                  failure_policy: "FAIL_RELOAD",
                  configuration: {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    value: JSON.stringify(config),
                  },
                  vm_config: {
                    runtime: "envoy.wasm.runtime.v8",
                    vm_id: filter,
                    code: { remote: { http_uri: { uri: url, cluster: "_", timeout: "30s" }, sha256: "" } },
                  },
                },
              },
            },
          },
        },
        {
          applyTo: "CLUSTER",
          match: { context: "SIDECAR_OUTBOUND", cluster: { service: HOST } },
          patch: {
            operation: "MERGE",
            value: {
              typed_extension_protocol_options: {
                [PROTOCOL_OPTIONS]: {
                  "@type": `type.googleapis.com/${PROTOCOL_OPTIONS}`,
                  explicit_http_config: { http_protocol_options: {} },
                  http_filters: [
                    {
                      name: filter,
                      config_discovery: {
                        config_source: { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" },
                        type_urls: [WASM, RBAC],
                      },
                    },
                    { name: "envoy.filters.http.upstream_codec", typed_config: { "@type": CODEC } },
                  ],
                },
              },
            },
          },
        },
      ],
    },
  };
}

const EFFECT_MS = 30_000;
const POLL_MS = 100;

/** Until the proxy has what was applied. */
export function eventually(check: () => Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: EFFECT_MS, interval: POLL_MS });
}
