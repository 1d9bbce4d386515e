// A filter that an EnvoyFilter adds: a resource whose module the agent fetches, as it does for a
// WasmPlugin, and the entry of a chain that names it.

import type { FilterUse } from "../../compose/filter-use.js";
import { disabledByDefault } from "../../envoy/config/filter-by-route.js";
import type { DiscoveredFilter, HttpFilter } from "../../envoy/config/http-filter.js";
import type { Json } from "../../envoy/config/json.js";
import { typeUrl } from "../../envoy/config/typed-config.js";
import { type FailurePolicy, WASM_FILTER, wasmFilterResource } from "../../envoy/config/wasm.js";
import type { FilterImage } from "../input.js";
import type { Metadata } from "../resource.js";
import { type FailStrategy, type IstioMinor, needsFailOpen } from "./version.js";

/** What the agent puts in place of a module that it cannot fetch. */
export const RBAC_FILTER = "envoy.extensions.filters.http.rbac.v3.RBAC";
const FETCH_TIMEOUT_S = 30;

/** A filter, and what it needs. */
export interface FetchedFilter {
  readonly use: FilterUse;
  /** What the module reads, with the names of clusters that Istio has. */
  readonly config: Json;
  readonly image: FilterImage;
  /** `file:line:column` of its settings. */
  readonly place: string;
}

/** What happens where a module fails, and the release to which that is said. */
export interface Failure {
  readonly strategy: FailStrategy;
  readonly minor: IstioMinor | undefined;
}

/** A filter's name in Envoy: no other filter of the proxy has it. */
export function filterId({ namespace = "", name }: Metadata, index: number, filter: string): string {
  return `${namespace}.${name}.${index + 1}.${filter}`;
}

/** The patch that adds the filter as a resource. */
export function addExtension(id: string, { use, config, image }: FetchedFilter, failure: Failure): Json {
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
    failurePolicy: POLICIES[failure.strategy],
    ...(needsFailOpen(failure.minor, failure.strategy) ? { oldFailurePolicy: true } : {}),
    ...(use.descriptor.sharedData?.(use.config) === undefined ? {} : { vmId: OF_PLUGINS }),
  });
  return {
    applyTo: "EXTENSION_CONFIG",
    patch: { operation: "ADD", value: resource as unknown as Json },
  };
}

/** Istio gives all `WasmPlugin`s this `vm_id`, so that data is shared with them. */
const OF_PLUGINS = "";

const POLICIES: Readonly<Record<FailStrategy, FailurePolicy>> = {
  FAIL_RELOAD: "FAIL_RELOAD",
  FAIL_CLOSE: "FAIL_CLOSED",
  FAIL_OPEN: "FAIL_OPEN",
};

function isEmpty(config: Json): boolean {
  return typeof config === "object" && config !== null && Object.keys(config).length === 0;
}

/**
 * The entry of a chain. It comes by the stream over which the proxy gets everything else.
 * @param isByRoute whether only routes that enable it have it
 */
export function reference(id: string, isByRoute: boolean): HttpFilter {
  const filter: DiscoveredFilter = {
    name: id,
    config_discovery: {
      config_source: { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" },
      type_urls: [typeUrl(WASM_FILTER), typeUrl(RBAC_FILTER)],
    },
  };
  return isByRoute ? disabledByDefault(filter) : filter;
}

/** What happens where the module is not there, and where it fails. */
export function failureComment(what: "request" | "attempt", strategy: FailStrategy): string {
  const missing =
    strategy === "FAIL_OPEN"
      ? `${what}s pass without the filter`
      : `every ${what} gets 403 (RBAC: access denied)`;
  const trapped = {
    FAIL_RELOAD: `the module is started again, and until then ${what}s get 503`,
    FAIL_CLOSE: `${what}s get 503 until the proxy starts again`,
    FAIL_OPEN: `${what}s pass without the filter`,
  }[strategy];
  return `Where the image cannot be fetched, ${missing}; Istio tries again only when a plugin, an EnvoyFilter or a secret of the proxy changes. After a trap ${trapped}.`;
}

/** The same of an EnvoyFilter, whose first patches name the images. */
export function fetchComment(what: "request" | "attempt", { strategy }: Failure): string {
  return `The agent fetches the modules of the first patches, as it does for a WasmPlugin. ${failureComment(what, strategy)}`;
}
