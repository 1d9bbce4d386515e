// A listener for connections of any kind: a chain of network filters, then a cluster.
import { type AccessLogOptions, accessLog } from "./access-log.js";
import { listeningAddress } from "./address.js";
import { type ConnectionKind, filterChains, type NetworkFilter } from "./filter-chain.js";
import type { Listener } from "./listener.js";
import { duration, typedConfig } from "./typed-config.js";

const TCP_PROXY = "envoy.filters.network.tcp_proxy";
const TCP_PROXY_TYPE = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";

export interface TcpListenerOptions {
  readonly name: string;
  /** The IP address to listen on; `::` is every address of both families. Default: 127.0.0.1. */
  readonly address?: string;
  readonly port: number;
  /**
   * In the order in which the client's bytes pass them; the proxy to the cluster is added after
   * them.
   */
  readonly filters: readonly NetworkFilter[];
  /** The kinds of connections that it takes. Default: one, without TLS. */
  readonly kinds?: readonly ConnectionKind[];
  /** The cluster that every connection goes to. */
  readonly cluster: string;
  /** How long a connection may be silent; 0 is no limit. Envoy's default: an hour. */
  readonly idleTimeoutSeconds?: number;
  readonly accessLog?: AccessLogOptions;
}

/** A listener that hands every connection's bytes to a cluster. */
export function tcpListener(options: TcpListenerOptions): Listener {
  const { name, cluster, idleTimeoutSeconds: idle, accessLog: log } = options;
  const proxy = typedConfig(TCP_PROXY_TYPE, {
    stat_prefix: name,
    cluster,
    ...(idle === undefined ? {} : { idle_timeout: duration(idle, "idleTimeoutSeconds") }),
    ...(log === undefined ? {} : { access_log: [accessLog(log)] }),
  });
  return {
    name,
    address: listeningAddress(options.address ?? "127.0.0.1", options.port),
    ...filterChains([...options.filters, { name: TCP_PROXY, typed_config: proxy }], options.kinds),
  };
}
