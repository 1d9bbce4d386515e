// The cluster of a service that runs by itself, from the address that a person wrote.

import { type Cluster, cluster } from "../envoy/config/cluster.js";
import { type UpstreamAddress, upstreamHost } from "./upstream-url.js";

/** Who is trusted where an upstream speaks TLS. */
export interface Trust {
  /** A file of certificates in PEM; needed where an upstream speaks TLS. */
  readonly caFile?: string | undefined;
}

/** A cluster of that one endpoint. One that speaks TLS must show a certificate for the host in its URL. */
export function upstreamCluster(name: string, upstream: UpstreamAddress, { caFile }: Trust): Cluster {
  const { address, port, tls } = upstream;
  const endpoints = [{ address, port }];
  if (tls === undefined) return cluster({ name, endpoints });
  if (caFile === undefined) throw new Error(`no certificate authorities were given for "${name}"`);
  return cluster({ name, endpoints, tls: { serverName: address, caFile } });
}

/**
 * What routes are to write as the host, by cluster: a server that speaks TLS answers for the names in its certificate, and the client has asked
 * for ours. Others get what the client sent.
 */
export function hostRewrites(upstreams: Readonly<Record<string, UpstreamAddress>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(upstreams).flatMap(([cluster, upstream]) =>
      upstream.tls ? [[cluster, upstreamHost(upstream)]] : [],
    ),
  );
}
