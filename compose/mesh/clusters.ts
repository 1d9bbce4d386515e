// Builds the clusters of one Envoy in a mesh, each with the filters that see its attempts.

import type { Cluster, ClusterOptions } from "../../envoy/config/cluster.js";
import { byChain } from "../chains.js";
import { LOOPBACK } from "../listener-options.js";
import { type FilterPlan, filterReference } from "../planned-envoy.js";
import { grpcClusters, httpServiceClusters, upstreamClusters } from "../upstream-cluster.js";
import type { UpstreamAddress } from "../upstream-url.js";
import { appAddress, type Context, hopAddress, port, servicesOf } from "./addresses.js";
import { APP_CLUSTER, versionName } from "./names.js";
import { isTcp } from "./protocols.js";
import { calledSocket } from "./tls.js";
import { attemptHops, type Hop, type MeshEnvoy } from "./topology.js";

/** The filters of each hop of an Envoy, in both chains. */
export type HopFilters = ReadonlyMap<Hop, readonly FilterPlan[]>;

export function envoyClusters(context: Context, envoy: MeshEnvoy, filters: HopFilters): Cluster[] {
  const clusters = new Map<string, readonly Cluster[]>();
  const add = (
    name: string,
    upstream: UpstreamAddress,
    hops: readonly Hop[] = [],
    connection: Pick<ClusterOptions, "transportSocket" | "sourceAddress"> = {},
  ) => {
    const seen = hops.flatMap((hop) => byChain(filters.get(hop) ?? []).upstream);
    const options = {
      caFile: context.caFile,
      filters: seen.map(context.places?.entry ?? filterReference),
      ...connection,
    };
    clusters.set(name, upstreamClusters(name, upstream, options));
  };
  const addApp = (app: NonNullable<MeshEnvoy["app"]>, hops: readonly Hop[]) => {
    const address = appAddress(context, app);
    const from = address.address === LOOPBACK ? context.places?.toApp : undefined;
    add(APP_CLUSTER, address, hops, from === undefined ? {} : { sourceAddress: from });
  };
  for (const hop of envoy.hops) {
    const { name, target } = hop;
    const hops = attemptHops(envoy, hop);
    if (target.kind === "app" && envoy.app !== undefined) addApp(envoy.app, hops);
    if (target.kind !== "service") continue;
    // It has no filters: it leads to a listener, and the attempts are made by the clusters behind
    // that.
    const service = context.mesh.services[target.service];
    if (envoy.app === undefined) add(name, hopAddress(service, port(context, `${envoy.name} ${name}`)));
    for (const version of Object.keys(service?.versions ?? {})) {
      const sidecar = versionName(target.service, version);
      const host = context.places?.sidecar(sidecar);
      const inbound = hopAddress(service, port(context, `${sidecar} inbound`), host);
      const spoken = isTcp(service) ? "tcp" : (inbound.protocol ?? "http1");
      const socket = calledSocket(context, target.service, spoken);
      add(sidecar, inbound, hops, socket === undefined ? {} : { transportSocket: socket });
    }
  }
  return [
    ...[...clusters.values()].flat(),
    ...grpcClusters(servicesOf(context.mesh.grpcServices, context), context),
    ...httpServiceClusters(servicesOf(context.mesh.httpServices, context), context),
  ];
}
