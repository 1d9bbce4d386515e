// What a proxy has, as its admin interface tells.

interface FilterEntry {
  readonly name: string;
  readonly config_discovery?: unknown;
}

interface Dump {
  readonly configs: readonly {
    readonly "@type": string;
    readonly dynamic_active_clusters?: readonly { readonly cluster: Cluster }[];
    readonly dynamic_listeners?: readonly { readonly active_state?: { readonly listener: Listener } }[];
  }[];
}

interface Cluster {
  readonly name: string;
  readonly typed_extension_protocol_options?: Readonly<
    Record<string, { readonly http_filters?: readonly FilterEntry[] }>
  >;
}

interface Listener {
  readonly address: { readonly socket_address: { readonly port_value: number } };
  readonly filter_chains?: readonly Chain[];
  readonly default_filter_chain?: Chain;
}

interface Chain {
  readonly filters: readonly { readonly typed_config?: { readonly http_filters?: readonly FilterEntry[] } }[];
}

const PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** The filters in the chain of each cluster that has some, by the cluster's name. */
export function clusterFilters(dump: unknown): ReadonlyMap<string, readonly string[]> {
  const clusters = (dump as Dump).configs.flatMap(
    ({ dynamic_active_clusters = [] }) => dynamic_active_clusters,
  );
  const found = clusters.map(({ cluster }) => {
    const filters = cluster.typed_extension_protocol_options?.[PROTOCOL_OPTIONS]?.http_filters ?? [];
    return [cluster.name, filters.map(nameOf)] as const;
  });
  return new Map(found.filter(([, filters]) => filters.length > 0));
}

/** The HTTP filters of the listeners on a port, a list for each of their chains. */
export function listenerFilters(dump: unknown, port: number): readonly (readonly string[])[] {
  return (dump as Dump).configs
    .flatMap(({ dynamic_listeners = [] }) => dynamic_listeners)
    .flatMap(({ active_state }) => active_state?.listener ?? [])
    .filter(({ address }) => address.socket_address.port_value === port)
    .flatMap(({ filter_chains = [], default_filter_chain: last }) => [
      ...filter_chains,
      ...(last ? [last] : []),
    ])
    .flatMap(({ filters }) => filters.map(({ typed_config }) => typed_config?.http_filters ?? []))
    .filter((filters) => filters.length > 0)
    .map((filters) => filters.map(nameOf));
}

/** What comes by discovery, which is our filters alone, without the name that Istio gives it. */
function nameOf({ name, config_discovery }: FilterEntry): string {
  return config_discovery === undefined ? name : "ours";
}
