// The files from which an Envoy in a container runs: a bootstrap that never changes, and the
// listeners and clusters, which Envoy reads again when a new file is renamed to their place. Two
// files and no more: Envoy takes an inotify instance for each, and users have 128.

import { createHash } from "node:crypto";
import type { Cluster } from "../../envoy/config/cluster.js";
import { typeUrl } from "../../envoy/config/typed-config.js";
import { toYaml } from "../../envoy/config/yaml.js";
import type { EnvoyPlan } from "../planned-envoy.js";
import { statusClusters, statusListener } from "./status.js";

/** The folder with an Envoy's files, in its container. */
export const CONFIGURATION_FOLDER = "/etc/meshwright";

/** Docker forgets a container's address when it is gone, and may give another when it is back. */
const DNS = {
  dns_refresh_rate: "2s",
  dns_failure_refresh_rate: { base_interval: "0.5s", max_interval: "2s" },
};

const HEADING = "# Written by meshwright from the mesh file: edit that file.\n";

export const BOOTSTRAP_FILE = "bootstrap.yaml";
const LISTENERS_FILE = "listeners.yaml";
const CLUSTERS_FILE = "clusters.yaml";

/** In this order a change is safe: routes lead to clusters that are there already. */
export const CHANGED_FILES = [CLUSTERS_FILE, LISTENERS_FILE] as const;

/**
 * The files' contents by their names.
 * @param sidecars those whose statistics it passes on
 */
export function envoyFiles(plan: EnvoyPlan, sidecars: readonly string[]): Readonly<Record<string, string>> {
  const { static_resources, ...rest } = plan.bootstrap;
  const listeners = [...static_resources.listeners, statusListener(sidecars)];
  const clusters = [...static_resources.clusters, ...statusClusters(sidecars)].map(withDns);
  const dynamic_resources = { lds_config: source(LISTENERS_FILE), cds_config: source(CLUSTERS_FILE) };
  return {
    [BOOTSTRAP_FILE]: `${HEADING}${toYaml({ ...rest, dynamic_resources })}`,
    [LISTENERS_FILE]: resources("envoy.config.listener.v3.Listener", listeners),
    [CLUSTERS_FILE]: resources("envoy.config.cluster.v3.Cluster", clusters),
  };
}

function withDns(cluster: Cluster): object {
  return cluster.type === "STATIC" ? cluster : { ...cluster, ...DNS };
}

function source(file: string) {
  return {
    path_config_source: { path: `${CONFIGURATION_FOLDER}/${file}` },
    resource_api_version: "V3",
  };
}

/** The version tells in an Envoy's own words which file it runs on. */
function resources(type: string, items: readonly object[]): string {
  const typed = items.map((item) => ({ "@type": typeUrl(type), ...item }));
  const version_info = createHash("sha256").update(JSON.stringify(typed)).digest("hex").slice(0, 16);
  return `${HEADING}${toYaml({ version_info, resources: typed })}`;
}
