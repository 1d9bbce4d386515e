// Builds the clusters of one Envoy in a mesh, each with the filters that see its attempts.

import type { Cluster, ClusterOptions } from "../../envoy/config/cluster.js";
import { byChain, inChainOf, onlyCluster } from "../chains.js";
import { LOOPBACK } from "../listener-options.js";
import { outlierHeaders } from "../outlier-marks.js";
import { type FilterPlan, filterReference } from "../planned-envoy.js";
import {
  grpcClusters,
  httpServiceClusters,
  upstreamClusterNames,
  upstreamClusters,
} from "../upstream-cluster.js";
import type { UpstreamAddress } from "../upstream-url.js";
import {
  appAddress,
  appElsewhere,
  type Context,
  callerZone,
  hopAddress,
  port,
  servicesOf,
  sidecarAddress,
} from "./addresses.js";
import { instancesOf } from "./instances.js";
import { APP_CLUSTER, versionName } from "./names.js";
import { appPolicy, callerPolicy } from "./policy/clusters.js";
import { type MirrorTarget, mirrorTarget } from "./policy/mirror.js";
import { isTcp } from "./protocols.js";
import type { MeshVersion } from "./shape.js";
import { calledSocket } from "./tls.js";
import { attemptHops, type Hop, type MeshEnvoy } from "./topology.js";

type Policy = Partial<ClusterOptions>;

/** The filters of each hop of an Envoy, in both chains. */
export type HopFilters = ReadonlyMap<Hop, readonly FilterPlan[]>;

/**
 * The cluster whose attempts alone the upstream filters of this hop see; undefined where they stand
 * before several. This needs no ports.
 */
export function clusterOfAttempts(context: Context, envoy: MeshEnvoy, hop: Hop): string | undefined {
  const before = envoy.hops.filter((each) => attemptHops(envoy, each).includes(hop));
  return onlyCluster(before.flatMap((each) => clustersBehind(context, envoy, each)));
}

/** The clusters that make the attempts behind this hop. */
function clustersBehind(context: Context, { app }: MeshEnvoy, { target }: Hop): readonly string[] {
  if (target.kind === "app" && app !== undefined)
    return upstreamClusterNames(APP_CLUSTER, appElsewhere(context, app) ?? {});
  if (target.kind !== "service") return [];
  const versions = Object.keys(context.mesh.services[target.service]?.versions ?? {});
  return versions.map((version) => versionName(target.service, version));
}

export function envoyClusters(context: Context, envoy: MeshEnvoy, filters: HopFilters): Cluster[] {
  const clusters = new Map<string, readonly Cluster[]>();
  const mirrors = new Map<string, MirrorTarget>();
  const add = (name: string, upstream: UpstreamAddress, hops: readonly Hop[] = [], policy: Policy = {}) => {
    const seen = hops.flatMap((hop) => byChain(filters.get(hop) ?? []).upstream);
    const reference = context.places?.entry ?? filterReference;
    const chain = (cluster: string) => inChainOf(seen, cluster).map(reference);
    const marks = { filters: chain, outlierHeaders: outlierHeaders(seen) };
    clusters.set(name, upstreamClusters(name, upstream, { caFile: context.caFile, ...marks, policy }));
  };
  const addVersion = (service: string, version: string, how: MeshVersion, hops: readonly Hop[]) => {
    const placed = instancesOf(service, version, how).map((instance) => ({
      ...sidecarAddress(context, instance),
      ...(instance.zone === undefined ? {} : { zone: instance.zone }),
    }));
    const [first] = placed;
    if (first === undefined) return;
    const policy = callerPolicy(context.mesh, service, placed, callerZone(context.mesh, envoy));
    const spoken = isTcp(context.mesh.services[service]) ? "tcp" : (first.protocol ?? "http1");
    const transportSocket = calledSocket(context, service, spoken);
    const secured = transportSocket === undefined ? policy : { ...policy, transportSocket };
    add(versionName(service, version), first, hops, secured);
  };
  const addApp = (app: NonNullable<MeshEnvoy["app"]>, hops: readonly Hop[]) => {
    const address = appAddress(context, app);
    const from = address.address === LOOPBACK ? context.places?.toApp : undefined;
    const policy = appPolicy(context.mesh, app.service);
    add(APP_CLUSTER, address, hops, from === undefined ? policy : { ...policy, sourceAddress: from });
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
    for (const [version, how] of Object.entries(service?.versions ?? {}))
      addVersion(target.service, version, how, hops);
    const mirror = mirrorTarget(context.mesh.services, target.service);
    if (mirror !== undefined) mirrors.set(mirror.cluster, mirror);
  }
  for (const { service, version, cluster } of mirrors.values()) {
    const how = context.mesh.services[service]?.versions[version];
    // No filter sees copies, except where the service is called too.
    if (how !== undefined && !clusters.has(cluster)) addVersion(service, version, how, []);
  }
  return [
    ...[...clusters.values()].flat(),
    ...grpcClusters(servicesOf(context.mesh.grpcServices, context), context),
    ...httpServiceClusters(servicesOf(context.mesh.httpServices, context), context),
  ];
}
