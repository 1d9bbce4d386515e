// The configuration of a test's Envoy: one listener, a route and a cluster for each upstream.

import { type Bootstrap, bootstrap } from "../../envoy/config/bootstrap.js";
import { type Cluster, cluster } from "../../envoy/config/cluster.js";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import { httpListener } from "../../envoy/config/listener.js";
import { destinationRoutes, virtualHost } from "../../envoy/config/route.js";
import { statsTags } from "../../envoy/config/stats-tags.js";
import type { UpstreamTlsOptions } from "../../envoy/config/tls.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { metricLabels } from "../../filters/catalog.js";
import { ACCESS_LOG_FIELDS } from "./access-log.js";
import type { Destination, EnvoyOptions } from "./options.js";

/** The id of a test's Envoy at its discovery server. */
export const NODE = "test";

/** What the options do not say. */
export interface Places {
  readonly port: number;
  readonly adminPort: number;
  readonly accessLogPath: string;
  /** The address on which Envoy listens. */
  readonly listenAddress: string;
  /** The address at which Envoy finds the upstreams. */
  readonly hostAddress: string;
  readonly chain: readonly HttpFilter[];
  readonly upstreamChain: readonly HttpFilter[];
}

export function testBootstrap(options: EnvoyOptions, places: Places): Bootstrap {
  const names = Object.keys(options.upstreams);
  const routes = destinationRoutes({
    ...options.routeOptions,
    destinations: Object.fromEntries(names.map((name) => [name, name])),
    fallback: fallbackOf(options, names),
  });
  return bootstrap({
    node: { id: NODE, cluster: "test" },
    adminPort: places.adminPort,
    adminAddress: places.listenAddress,
    statsTags: statsTags(metricLabels()),
    listeners: [
      httpListener({
        ...options.listenerOptions,
        name: "test",
        address: places.listenAddress,
        port: places.port,
        filters: places.chain,
        virtualHosts: [virtualHost({ name: "test", routes, includeAttemptCount: true })],
        accessLog: { path: places.accessLogPath, fields: options.accessLog ?? ACCESS_LOG_FIELDS },
      }),
    ],
    clusters: Object.entries(options.upstreams).map(([name, upstream]) =>
      clusterOf(name, upstream, options, places),
    ),
  });
}

function fallbackOf({ defaultUpstream }: EnvoyOptions, names: readonly string[]): string {
  const fallback = defaultUpstream ?? names[0];
  if (fallback === undefined) {
    throw new MeshwrightError(
      "configuration",
      "upstreams is empty: give at least one, such as one of startUpstream",
    );
  }
  if (names.includes(fallback)) return fallback;
  throw new MeshwrightError(
    "configuration",
    `the default upstream ${fallback} is not one of upstreams: name one of [${names.join(", ")}]`,
  );
}

function clusterOf(name: string, upstream: Destination, options: EnvoyOptions, places: Places): Cluster {
  const tls = tlsTo(name, upstream, options.upstreamTls?.[name]);
  return cluster({
    ...options.clusterOptions,
    name,
    endpoints: [{ address: places.hostAddress, port: upstream.port }],
    protocol: upstream.protocol ?? "http1",
    filters: places.upstreamChain,
    ...(tls === undefined ? {} : { tls }),
  });
}

function tlsTo(
  name: string,
  { secure = false }: Destination,
  tls: UpstreamTlsOptions | undefined,
): UpstreamTlsOptions | undefined {
  if (secure === (tls !== undefined)) return tls;
  throw new MeshwrightError(
    "configuration",
    secure
      ? `upstream "${name}" speaks TLS: say in upstreamTls["${name}"] whose certificate it shows`
      : `upstreamTls["${name}"] is for an upstream that does not speak TLS: start it with "tls", or leave this out`,
  );
}
