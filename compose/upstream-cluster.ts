// Builds the clusters of services that run by themselves, from the addresses that a person wrote.

import { type Cluster, cluster } from "../envoy/config/cluster.js";
import type { HttpFilter } from "../envoy/config/http-filter.js";
import { type UpstreamAddress, upstreamHost } from "./upstream-url.js";

/**
 * Envoy allows 3 retries at once, whatever a route says. A retry budget decides how many are wise;
 * this limit is that of requests.
 */
const MAX_RETRIES = 1024;
/**
 * Envoy allows 1024 at once and fails the rest. A filter may then let requests pass without a
 * decision.
 */
const MAX_GRPC_CALLS = 65_536;

/** The authorities that are trusted where an upstream speaks TLS. */
export interface Trust {
  /** A file of certificates in PEM; needed where an upstream speaks TLS. */
  readonly caFile?: string | undefined;
}

/**
 * A cluster of one endpoint. An endpoint that speaks TLS must show a certificate for the host in
 * its URL.
 * @param filters the cluster's chain, which sees each attempt
 */
export function upstreamCluster(
  name: string,
  upstream: UpstreamAddress,
  options: Trust & { readonly filters?: readonly HttpFilter[] },
): Cluster {
  const { filters = [] } = options;
  return cluster({
    ...destination(name, upstream, options),
    filters,
    circuitBreakers: { maxRetries: MAX_RETRIES },
  });
}

/** The clusters of the gRPC services that filters call, each by its name. */
export function grpcClusters(services: Readonly<Record<string, UpstreamAddress>>, trust: Trust): Cluster[] {
  return Object.entries(services).map(([name, service]) =>
    cluster({
      ...destination(name, service, trust),
      protocol: "http2",
      circuitBreakers: { maxRequests: MAX_GRPC_CALLS, maxPendingRequests: MAX_GRPC_CALLS },
    }),
  );
}

function destination(name: string, { address, port, tls }: UpstreamAddress, { caFile }: Trust) {
  const endpoints = [{ address, port }];
  if (tls === undefined) return { name, endpoints };
  if (caFile === undefined) throw new Error(`no certificate authorities were given for "${name}"`);
  return { name, endpoints, tls: { serverName: address, caFile } };
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
