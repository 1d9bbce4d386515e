// A listener that leads to hosts which Envoy resolves when a client asks for them: by the host of a
// request, by CONNECT, or by the server name of TLS. What is not allowed is refused.
import type { AccessLogOptions } from "./access-log.js";
import type { Cluster } from "./cluster.js";
import { httpProtocolOptions } from "./cluster.js";
import { httpListener, type Listener } from "./listener.js";
import { directResponse, type VirtualHost } from "./route.js";
import { typedConfig } from "./typed-config.js";

/** A host that may be reached, and its port. */
export interface AllowedHost {
  /** A name, an IPv4 address, or `*.` and a name for everything below it. */
  readonly host: string;
  readonly port: number;
}

export interface ForwardProxyOptions {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly allow: readonly AllowedHost[];
  /** The cluster that `forwardProxyCluster` makes. */
  readonly cluster: string;
  readonly accessLog?: AccessLogOptions;
}

/** The port of clients that name none. */
const HTTP_PORT = 80;

const dnsCache = (name: string) => ({ dns_cache_config: { name, dns_lookup_family: "V4_PREFERRED" } });

/**
 * A connection that begins with TLS goes to the host that it names, all others are HTTP. A name
 * that no chain has ends the connection, which the listener counts as `no_filter_chain_match`.
 */
export function forwardProxyListener(options: ForwardProxyOptions): Listener {
  const { name, cluster, allow } = options;
  const http = httpListener({
    name,
    address: options.address,
    port: options.port,
    upgrades: [],
    filters: [
      {
        name: "envoy.filters.http.dynamic_forward_proxy",
        typed_config: typedConfig(
          "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig",
          dnsCache(cluster),
        ),
      },
    ],
    virtualHosts: [...allow.map((each) => allowedHost(each, cluster)), refusedHosts()],
    ...(options.accessLog === undefined ? {} : { accessLog: options.accessLog }),
  });
  const chains = http.filter_chains.map((chain) => ({
    filter_chain_match: { transport_protocol: "raw_buffer" as const },
    ...chain,
    filters: chain.filters.map((filter) => ({
      ...filter,
      typed_config: { ...filter.typed_config, upgrade_configs: [{ upgrade_type: "CONNECT" }] },
    })),
  }));
  const tls = allow.filter(({ port }) => port !== HTTP_PORT);
  return {
    ...http,
    listener_filters: [
      {
        name: "envoy.filters.listener.tls_inspector",
        typed_config: typedConfig("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"),
      },
    ],
    filter_chains: [...chains, ...tls.map((each) => byServerName(each, options))],
  };
}

function allowedHost({ host, port }: AllowedHost, cluster: string): VirtualHost {
  const connect = {
    cluster,
    timeout: "0s",
    upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: {} }],
  };
  return {
    name: `${host}:${port}`,
    domains: [`${host}:${port}`, ...(port === HTTP_PORT ? [host] : [])],
    routes: [
      { name: "connect", match: { connect_matcher: {} }, route: connect },
      { name: "request", match: { prefix: "/" }, route: { cluster, timeout: "0s" } },
    ],
  };
}

function refusedHosts(): VirtualHost {
  const body = "this host is not in egress.allow of the mesh file\n";
  const refused = directResponse({ status: 403, body });
  const connect = { ...refused, match: { connect_matcher: {} } };
  return { name: "refused", domains: ["*"], routes: [connect, refused] };
}

function byServerName({ host, port }: AllowedHost, { name, cluster }: ForwardProxyOptions) {
  const resolver = "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig";
  const proxy = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
  return {
    filter_chain_match: { transport_protocol: "tls" as const, server_names: [host] },
    filters: [
      {
        name: "envoy.filters.network.sni_dynamic_forward_proxy",
        typed_config: typedConfig(resolver, { port_value: port, ...dnsCache(cluster) }),
      },
      {
        name: "envoy.filters.network.tcp_proxy",
        typed_config: typedConfig(proxy, { stat_prefix: name, cluster }),
      },
    ],
  };
}

/** The cluster of every host that a client asks for. */
export function forwardProxyCluster(name: string): Cluster {
  const type = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";
  return {
    name,
    lb_policy: "CLUSTER_PROVIDED",
    cluster_type: {
      name: "envoy.clusters.dynamic_forward_proxy",
      typed_config: typedConfig(type, dnsCache(name)),
    },
    // Envoy insists on it for hosts with TLS of its own, which there are none of.
    typed_extension_protocol_options: httpProtocolOptions(
      { http1Trailers: true },
      { upstream_http_protocol_options: { auto_sni: true, auto_san_validation: true } },
    ),
  };
}
