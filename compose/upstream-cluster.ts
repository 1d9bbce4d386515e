// Builds the clusters of services that run by themselves, from the addresses that a person wrote.

import { type Cluster, type ClusterOptions, cluster } from "../envoy/config/cluster.js";
import type { HttpFilter } from "../envoy/config/http-filter.js";
import type { UpstreamProtocol } from "../envoy/config/protocol.js";
import { type UpstreamAddress, upstreamHost } from "./upstream-url.js";

/**
 * Envoy allows 3 retries at once, whatever a route says. A retry budget decides how many are wise;
 * this limit is that of requests.
 */
export const MAX_RETRIES = 1024;
const MAX_CALLS = 65_536;
/**
 * Envoy allows 1024 calls of filters at once and fails the rest. A filter may then let requests
 * pass without a decision.
 */
const CALL_LIMITS = { maxRequests: MAX_CALLS, maxPendingRequests: MAX_CALLS };

/** What of an address decides which clusters lead to it. */
type UpstreamProtocols = Pick<UpstreamAddress, "tls" | "protocol">;

/** The authorities that are trusted where an upstream speaks TLS. */
export interface Trust {
  /** A file of certificates in PEM; needed where an upstream speaks TLS. */
  readonly caFile?: string | undefined;
}

/**
 * The clusters of one endpoint: the one of that name, and that of `upgradeCluster` where there is
 * one. An endpoint that speaks TLS must show a certificate for the host in its URL.
 * @param options.filters the chain of each by its name, which sees each attempt
 * @param options.outlierHeaders by which these filters mark failures of hosts
 * @param options.policy comes before what is usual here
 */
export function upstreamClusters(
  name: string,
  upstream: UpstreamAddress,
  options: Trust &
    Pick<ClusterOptions, "outlierHeaders"> & {
      readonly filters: (cluster: string) => readonly HttpFilter[];
      readonly policy?: Partial<ClusterOptions>;
    },
): Cluster[] {
  const { filters, outlierHeaders = [], policy = {} } = options;
  const common = {
    outlierHeaders,
    http1Trailers: true,
    circuitBreakers: { maxRetries: MAX_RETRIES },
    ...policy,
  };
  const upgrades = upgradeCluster(name, upstream);
  return [
    cluster({ ...destination(name, upstream, options), ...common, filters: filters(name) }),
    ...(upgrades === undefined
      ? []
      : [
          cluster({
            ...destination(upgrades, upstream, options),
            ...common,
            filters: filters(upgrades),
            protocol: "http1",
          }),
        ]),
  ];
}

/** The names of the clusters that `upstreamClusters` makes. */
export function upstreamClusterNames(name: string, upstream: UpstreamProtocols): readonly string[] {
  const upgrades = upgradeCluster(name, upstream);
  return upgrades === undefined ? [name] : [name, upgrades];
}

/**
 * The cluster to which upgraded connections go in place of the one of that name; undefined where
 * they go to the same. Few servers that offer HTTP/2 by ALPN take a WebSocket there, and Envoy does
 * not ask whether they do. Browsers use HTTP/1.1 for it, and so does this cluster.
 */
function upgradeCluster(name: string, { tls, protocol }: UpstreamProtocols): string | undefined {
  return tls && protocol === undefined ? `${name}/upgrades` : undefined;
}

/** The clusters to which routes must send upgraded connections, by the clusters of all else. */
export function upgradeClusters(
  upstreams: Readonly<Record<string, UpstreamAddress>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(upstreams).flatMap(([cluster, upstream]) => {
      const upgrades = upgradeCluster(cluster, upstream);
      return upgrades === undefined ? [] : [[cluster, upgrades]];
    }),
  );
}

/** The clusters of the gRPC services that filters call, each by its name. */
export function grpcClusters(services: Readonly<Record<string, UpstreamAddress>>, trust: Trust): Cluster[] {
  return Object.entries(services).map(([name, service]) =>
    cluster({ ...destination(name, service, trust), protocol: "http2", circuitBreakers: CALL_LIMITS }),
  );
}

/** The clusters of the HTTP services that filters call, each by its name. */
export function httpServiceClusters(
  services: Readonly<Record<string, UpstreamAddress>>,
  trust: Trust,
): Cluster[] {
  return Object.entries(services).map(([name, service]) =>
    cluster({ ...destination(name, service, trust), circuitBreakers: CALL_LIMITS }),
  );
}

function destination(name: string, upstream: UpstreamAddress, { caFile }: Trust) {
  const { address, port, tls } = upstream;
  const protocol: UpstreamProtocol = upstream.protocol ?? (tls ? "auto" : "http1");
  const endpoints = [{ address, port }];
  if (tls === undefined) return { name, endpoints, protocol };
  if (caFile === undefined) throw new Error(`no certificate authorities were given for "${name}"`);
  return { name, endpoints, protocol, tls: { serverName: address, caFile } };
}

/**
 * The hosts that routes must write, by cluster. A server that speaks TLS answers only for the names
 * in its certificate, and the client has sent Envoy's name. Other clusters get what the client
 * sent.
 */
export function hostRewrites(upstreams: Readonly<Record<string, UpstreamAddress>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(upstreams).flatMap(([cluster, upstream]) =>
      upstream.tls ? [[cluster, upstreamHost(upstream)]] : [],
    ),
  );
}
