// EnvoyFilters: what Istio's own resources cannot say.

import type { Json } from "../../envoy/config/json.js";
import type { Metadata, Note, Resource } from "../resource.js";

/** Lower comes first. Without one, Istio warns of patches that depend on others. */
const PRIORITY = 10;

export type PatchContext = "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND" | "GATEWAY";

/** The network filter that has the chain of HTTP filters. */
export const HTTP_CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager";

export interface EnvoyFilterParts {
  readonly metadata: Metadata;
  /** Undefined: every workload of the namespace. */
  readonly workload: Readonly<Record<string, string>> | undefined;
  readonly patches: readonly Json[];
  readonly comment: readonly string[];
  readonly notes?: readonly Note[];
}

export function envoyFilter({ metadata, workload, patches, comment, notes }: EnvoyFilterParts): Resource {
  return {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata,
    body: {
      spec: {
        ...(workload === undefined ? {} : { workloadSelector: { labels: workload } }),
        priority: PRIORITY,
        configPatches: patches,
      },
    },
    comment,
    ...(notes === undefined ? {} : { notes }),
  };
}

/** Merges fields into the connection manager of every listener of this context. */
export function connectionManagerMerge(context: PatchContext, typedConfig: Json): Json {
  return {
    applyTo: "NETWORK_FILTER",
    match: {
      context,
      listener: { filterChain: { filter: { name: HTTP_CONNECTION_MANAGER } } },
    },
    patch: { operation: "MERGE", value: { typed_config: typedConfig } },
  };
}
