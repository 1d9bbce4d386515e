// A stock Envoy with its own Zipkin tracer, which reads and writes B3: what trace-headers accepts
// is held against it.

import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { bootstrap } from "../../../envoy/config/bootstrap.js";
import { cluster } from "../../../envoy/config/cluster.js";
import type { HttpFilter } from "../../../envoy/config/http-filter.js";
import type { Json } from "../../../envoy/config/json.js";
import { httpListener, type Listener } from "../../../envoy/config/listener.js";
import { destinationRoutes, virtualHost } from "../../../envoy/config/route.js";
import { typedConfig } from "../../../envoy/config/typed-config.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { addressesOf, chooseRuntime, launch } from "../../../kit/envoy/runtime.js";

const SERVICE = "service";
const COLLECTOR = "collector";
const ALL = { value: 100 };

/** Disposing of it ends Envoy. */
export interface ZipkinEnvoy extends AsyncDisposable {
  readonly url: string;
}

export interface ZipkinOptions {
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
export async function startZipkinEnvoy(
  upstreamPort: number,
  { collectorPort, filters = [], readableFolders = [], customTags = [] }: ZipkinOptions = {},
): Promise<ZipkinEnvoy> {
  const directory = await realpath(await mkdtemp(path.join(tmpdir(), "zipkin-envoy-")));
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
function traced(listener: Listener, customTags: readonly Json[]): Listener {
  const tracing = {
    client_sampling: ALL,
    random_sampling: ALL,
    overall_sampling: ALL,
    custom_tags: customTags,
    provider: {
      name: "envoy.tracers.zipkin",
      typed_config: typedConfig("envoy.config.trace.v3.ZipkinConfig", {
        collector_cluster: COLLECTOR,
        collector_endpoint: "/api/v2/spans",
        collector_endpoint_version: "HTTP_JSON",
        trace_id_128bit: true,
      }),
    },
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
