// A stock Envoy with one of its own tracers, which read and write the headers of their formats:
// what trace-headers accepts and writes is held against them.

import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { bootstrap } from "../../../envoy/config/bootstrap.js";
import { cluster } from "../../../envoy/config/cluster.js";
import type { HttpFilter } from "../../../envoy/config/http-filter.js";
import type { Json } from "../../../envoy/config/json.js";
import { httpListener, type Listener } from "../../../envoy/config/listener.js";
import { destinationRoutes, virtualHost } from "../../../envoy/config/route.js";
import { type TypedConfig, typedConfig } from "../../../envoy/config/typed-config.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { addressesOf, chooseRuntime, launch } from "../../../kit/envoy/runtime.js";

const SERVICE = "service";
const COLLECTOR = "collector";
const ALL = { value: 100 };

interface Provider {
  readonly name: string;
  readonly typed_config: TypedConfig;
}

/** The tracers, each for a service `native`. Spans go to a collector, by UDP to nobody. */
const PROVIDERS = {
  zipkin: () => ({
    name: "envoy.tracers.zipkin",
    typed_config: typedConfig("envoy.config.trace.v3.ZipkinConfig", {
      collector_cluster: COLLECTOR,
      collector_endpoint: "/api/v2/spans",
      collector_endpoint_version: "HTTP_JSON",
      trace_id_128bit: true,
    }),
  }),
  xray: (nobody: number) => ({
    name: "envoy.tracers.xray",
    typed_config: typedConfig("envoy.config.trace.v3.XRayConfig", {
      daemon_endpoint: { protocol: "UDP", address: "127.0.0.1", port_value: nobody },
      segment_name: "native",
    }),
  }),
  datadog: () => ({
    name: "envoy.tracers.datadog",
    typed_config: typedConfig("envoy.config.trace.v3.DatadogConfig", {
      collector_cluster: COLLECTOR,
      service_name: "native",
    }),
  }),
  skywalking: () => ({
    name: "envoy.tracers.skywalking",
    typed_config: typedConfig("envoy.config.trace.v3.SkyWalkingConfig", {
      grpc_service: { envoy_grpc: { cluster_name: COLLECTOR } },
      client_config: { service_name: "native", instance_name: "native-1" },
    }),
  }),
} satisfies Readonly<Record<string, (nobody: number) => Provider>>;

/** One of Envoy's own tracers. */
export type Tracer = keyof typeof PROVIDERS;

/** Disposing of it ends Envoy. */
export interface TracerEnvoy extends AsyncDisposable {
  readonly url: string;
}

export interface TracerOptions {
  /** Default: Zipkin's. */
  readonly tracer?: Tracer;
  /** A port of 127.0.0.1 that takes spans. Default: nobody does, and the tracer gives up. */
  readonly collectorPort?: number;
  /** The listener's chain. Default: none. */
  readonly filters?: readonly HttpFilter[];
  /** The folders of their modules. */
  readonly readableFolders?: readonly string[];
  /** The tags of each span. */
  readonly customTags?: readonly Json[];
}

/** Starts it before the server on that port. It samples every trace that nobody decided. */
export async function startTracerEnvoy(
  upstreamPort: number,
  {
    tracer = "zipkin",
    collectorPort,
    filters = [],
    readableFolders = [],
    customTags = [],
  }: TracerOptions = {},
): Promise<TracerEnvoy> {
  const directory = await realpath(await mkdtemp(path.join(tmpdir(), "tracer-envoy-")));
  const runtime = await chooseRuntime({});
  const { listen, host } = addressesOf(runtime);
  const [port = 0, adminPort = 0, nobody = 0] = await freePorts(3);
  const routes = destinationRoutes({ destinations: { [SERVICE]: SERVICE }, fallback: SERVICE });
  const envoy = await launch(runtime, {
    bootstrap: bootstrap({
      node: { id: "test", cluster: "test" },
      adminPort,
      adminAddress: listen,
      listeners: [
        traced(
          httpListener({
            name: "test",
            address: listen,
            port,
            filters,
            virtualHosts: [virtualHost({ name: "test", routes })],
          }),
          {
            provider: PROVIDERS[tracer](nobody),
            // SkyWalking's header names the span of the call, which Envoy otherwise does not make.
            ...(tracer === "skywalking" ? { spawn_upstream_span: true } : {}),
          },
          customTags,
        ),
      ],
      clusters: [
        cluster({ name: SERVICE, endpoints: [{ address: host, port: upstreamPort }] }),
        cluster({ name: COLLECTOR, endpoints: [{ address: host, port: collectorPort ?? nobody }] }),
      ],
    }),
    directory,
    workers: 1,
    ports: [port, adminPort],
    readableFolders,
  }).catch(async (error: unknown) => {
    await rm(directory, { recursive: true, force: true });
    throw error;
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await envoy.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The listener with the tracer in its connection manager. */
function traced(
  listener: Listener,
  tracer: { readonly provider: Provider; readonly spawn_upstream_span?: boolean },
  customTags: readonly Json[],
): Listener {
  const tracing = {
    client_sampling: ALL,
    random_sampling: ALL,
    overall_sampling: ALL,
    custom_tags: customTags,
    ...tracer,
  };
  return {
    ...listener,
    filter_chains: listener.filter_chains.map((chain) => ({
      ...chain,
      filters: chain.filters.map(({ name, typed_config }) => ({
        name,
        typed_config: { ...typed_config, tracing },
      })),
    })),
  };
}
