// Filters of a cluster's chain, which see each attempt. Istio has no resource for them, so an
// EnvoyFilter adds them in two steps: a resource that the agent fetches, and the cluster's options.

import { httpProtocolOptions } from "../../envoy/config/cluster.js";
import type { DiscoveredFilter } from "../../envoy/config/http-filter.js";
import type { Json } from "../../envoy/config/json.js";
import { typeUrl } from "../../envoy/config/typed-config.js";
import { type FailurePolicy, WASM_FILTER, wasmFilterResource } from "../../envoy/config/wasm.js";
import type { FilterImage } from "../input.js";
import type { Metadata, Note, Resource } from "../resource.js";
import { envoyFilter } from "./envoy-filter.js";
import type { ClusterScope, Spoken } from "./existing.js";
import type { FailStrategy } from "./version.js";
import type { PlacedUpstream } from "./workloads.js";

/** What the agent puts in place of a module that it cannot fetch. */
const RBAC_FILTER = "envoy.extensions.filters.http.rbac.v3.RBAC";
const FETCH_TIMEOUT_S = 30;

/** A filter, and what it needs. */
export interface UpstreamFilter {
  readonly filter: string;
  readonly config: Json;
  readonly image: FilterImage;
  /** `file:line:column` of its settings. */
  readonly place: string;
}

/** Clusters with one chain. */
export interface ClusterTarget {
  readonly match: Readonly<Record<string, Json>>;
  readonly protocol: Spoken;
  readonly scopes: readonly ClusterScope[];
  /** Indexes of filters, in the order of the chain. */
  readonly chain: readonly number[];
}

export interface UpstreamParts {
  readonly metadata: Metadata & { readonly namespace: string };
  readonly placed: PlacedUpstream;
  readonly filters: readonly UpstreamFilter[];
  readonly clusters: readonly ClusterTarget[];
  readonly strategy: FailStrategy;
}

export function upstreamResource(parts: UpstreamParts): Resource {
  const { metadata, placed, filters, clusters, strategy } = parts;
  const ids = filters.map(({ filter }, i) => `${metadata.namespace}.${metadata.name}.${i + 1}.${filter}`);
  const adds = filters.map(({ config, image }, i) => addExtension(ids[i] ?? "", config, image, strategy));
  const merges = clusters.flatMap((cluster) => {
    const chain = cluster.chain.map((i) => discovered(ids[i] ?? ""));
    return cluster.scopes.map((scope) => mergeCluster(placed.context, cluster, scope, chain));
  });
  return envoyFilter({
    metadata,
    workload: placed.workload.labels,
    patches: [...adds, ...merges],
    comment: [
      `${filters.map(({ filter }) => filter).join(", ")}, for each attempt ${whose(placed)}.`,
      ...filters.map(({ filter, place }) => `${filter} is from ${place}.`),
      "The agent fetches the first patches' modules, as it does for a WasmPlugin. Where an image cannot be fetched, every attempt gets 403, and Istio tries again only when a plugin, an EnvoyFilter or a secret of the proxy changes.",
    ],
    notes: [replacedNote(adds.length)],
  });
}

function whose({ context, chains }: PlacedUpstream): string {
  const services = chains.map(({ service }) => service).join(", ");
  if (context === "SIDECAR_INBOUND") return `that reaches the app of ${services}`;
  return context === "GATEWAY" ? `of the gateway to ${services}` : `of a sidecar to ${services}`;
}

function replacedNote(index: number): Note {
  return {
    path: ["spec", "configPatches", index],
    text: "This replaces the HTTP options that Istio writes into the cluster. They are written again here: what the port speaks, and the settings of a DestinationRule that was given by --cluster. When those change, render again.",
  };
}

function addExtension(id: string, config: Json, image: FilterImage, strategy: FailStrategy): Json {
  const resource = wasmFilterResource({
    name: id,
    module: {
      uri: image.url,
      // The agent fetches the module, and gives Envoy a file.
      cluster: "_",
      sha256: image.digest.replace("sha256:", ""),
      timeoutSeconds: FETCH_TIMEOUT_S,
    },
    ...(isEmpty(config) ? {} : { configuration: config }),
    failurePolicy: POLICIES[strategy],
  });
  return {
    applyTo: "EXTENSION_CONFIG",
    patch: { operation: "ADD", value: resource as unknown as Json },
  };
}

const POLICIES: Readonly<Record<FailStrategy, FailurePolicy>> = {
  FAIL_RELOAD: "FAIL_RELOAD",
  FAIL_CLOSE: "FAIL_CLOSED",
  FAIL_OPEN: "FAIL_OPEN",
};

function isEmpty(config: Json): boolean {
  return typeof config === "object" && config !== null && Object.keys(config).length === 0;
}

/** By the stream over which the proxy gets everything else. */
function discovered(id: string): DiscoveredFilter {
  return {
    name: id,
    config_discovery: {
      config_source: { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" },
      type_urls: [typeUrl(WASM_FILTER), typeUrl(RBAC_FILTER)],
    },
  };
}

function mergeCluster(
  context: string,
  { match, protocol }: ClusterTarget,
  scope: ClusterScope,
  filters: readonly DiscoveredFilter[],
): Json {
  const { subset, portNumber, common, upstream } = scope;
  const more = {
    ...(Object.keys(common).length === 0 ? {} : { common_http_protocol_options: common }),
    ...(Object.keys(upstream).length === 0 ? {} : { upstream_http_protocol_options: upstream }),
  };
  const options = httpProtocolOptions({ protocol: scope.protocol ?? protocol, filters }, more);
  return {
    applyTo: "CLUSTER",
    match: {
      context,
      cluster: {
        ...match,
        ...(subset === undefined ? {} : { subset }),
        ...(portNumber === undefined ? {} : { portNumber }),
      },
    },
    patch: { operation: "MERGE", value: { typed_extension_protocol_options: options as unknown as Json } },
  };
}
