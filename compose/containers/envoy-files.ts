// The files from which an Envoy in a container runs: a bootstrap that never changes, and what Envoy
// reads again when a new file is renamed to the place of the old one.

import { createHash } from "node:crypto";
import type { Cluster } from "../../envoy/config/cluster.js";
import type { Listener } from "../../envoy/config/listener.js";
import { CLUSTER_TYPE, ROUTES_TYPE, routesOf, withRoutesFrom } from "../../envoy/config/resources.js";
import type { Secret } from "../../envoy/config/secret.js";
import { typedConfig, typeUrl } from "../../envoy/config/typed-config.js";
import { toYaml } from "../../envoy/config/yaml.js";
import type { EnvoyPlan } from "../planned-envoy.js";
import {
  BOOTSTRAP_FILE,
  CLUSTERS_FILE,
  filterFile,
  LISTENERS_FILE,
  routesFile,
  sourceOf,
} from "./sources.js";
import { statusClusters, statusListener } from "./status.js";

/** Docker forgets a container's address when it is gone, and may give another when it is back. */
const DNS = {
  dns_refresh_rate: "2s",
  dns_failure_refresh_rate: { base_interval: "0.5s", max_interval: "2s" },
};

const HEADING = "# Written by meshwright from the mesh file: edit that file.\n";

/**
 * The beginnings of the files' names in the order in which a change is safe: what is referred to
 * before what refers to it.
 */
export const CHANGE_ORDER = ["clusters.", "filter.", "routes.", "listeners."] as const;

/** The clusters of two plans of an Envoy: what it needs while it goes from one to the other. */
export function bothClusters(before: EnvoyFilesInput, after: EnvoyFilesInput): string {
  const all = [...clustersOf(before), ...clustersOf(after)].map((each) => [each.name, each] as const);
  return clusterResources([...new Map(all).values()]);
}

export interface EnvoyFilesInput {
  readonly plan: EnvoyPlan;
  /** Those whose statistics it passes on. */
  readonly sidecars: readonly string[];
}

/** The files' contents by their names. */
export function envoyFiles(input: EnvoyFilesInput): Readonly<Record<string, string>> {
  const { plan, sidecars } = input;
  const { static_resources, ...rest } = plan.bootstrap;
  const listeners = [...static_resources.listeners, statusListener(sidecars)];
  const dynamic_resources = { lds_config: sourceOf(LISTENERS_FILE), cds_config: sourceOf(CLUSTERS_FILE) };
  return {
    [BOOTSTRAP_FILE]: `${HEADING}${toYaml({ ...rest, dynamic_resources })}`,
    [LISTENERS_FILE]: resources("envoy.config.listener.v3.Listener", listeners.map(withRoutesElsewhere)),
    [CLUSTERS_FILE]: clusterResources(clustersOf(input)),
    ...Object.fromEntries(listeners.flatMap(routes)),
    ...Object.fromEntries(
      plan.filters.map(({ name, resource }) => [
        filterFile(name),
        resources("envoy.config.core.v3.TypedExtensionConfig", [resource]),
      ]),
    ),
  };
}

function clustersOf({ plan, sidecars }: EnvoyFilesInput): readonly Cluster[] {
  return [...plan.bootstrap.static_resources.clusters, ...statusClusters(sidecars)];
}

function clusterResources(clusters: readonly Cluster[]): string {
  return resources(CLUSTER_TYPE, clusters.map(withDns));
}

/** The same listener, whose routes are in a file of their own. */
function withRoutesElsewhere(listener: Listener): Listener {
  return withRoutesFrom(listener, sourceOf(routesFile(listener.name)));
}

function routes(listener: Listener): readonly (readonly [file: string, text: string])[] {
  const configuration = routesOf(listener);
  if (configuration === undefined) return [];
  return [[routesFile(listener.name), resources(ROUTES_TYPE, [configuration])]];
}

/** Clusters of names, with rates of their own, which are deprecated as fields of the cluster. */
function withDns(cluster: Cluster): object {
  const { type, dns_lookup_family, ...rest } = cluster;
  if (type === undefined || type === "STATIC") return cluster;
  const typed_config = typedConfig("envoy.extensions.clusters.dns.v3.DnsCluster", {
    ...DNS,
    dns_lookup_family,
    all_addresses_in_single_endpoint: type === "LOGICAL_DNS",
  });
  return { ...rest, cluster_type: { name: "envoy.clusters.dns", typed_config } };
}

/** The file of a secret. */
export function secretText(secret: Secret): string {
  return resources("envoy.extensions.transport_sockets.tls.v3.Secret", [secret]);
}

/** The version tells in an Envoy's own words which file it runs on. */
function resources(type: string, items: readonly object[]): string {
  const typed = items.map((item) => ({ "@type": typeUrl(type), ...item }));
  const version_info = createHash("sha256").update(JSON.stringify(typed)).digest("hex").slice(0, 16);
  return `${HEADING}${toYaml({ version_info, resources: typed })}`;
}
