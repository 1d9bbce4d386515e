// A Wasm filter in Envoy's configuration: in place, or discovered, so that a running Envoy takes
// its changes.

import { MeshwrightError } from "../errors.js";
import { type DiscoverySource, discoverySource, type FileSource } from "./discovery-source.js";
import type { NetworkFilter } from "./filter-chain.js";
import type { DiscoveredFilter, InlineFilter } from "./http-filter.js";
import type { Json } from "./json.js";
import { duration, type TypedConfig, typedConfig, typeUrl } from "./typed-config.js";

export const WASM_FILTER = "envoy.extensions.filters.http.wasm.v3.Wasm";
const WASM_NETWORK_FILTER = "envoy.extensions.filters.network.wasm.v3.Wasm";

/** What Envoy does with requests after the module's VM has failed. */
export type FailurePolicy =
  /** Start a new VM and go on serving; until it runs, answer 503. */
  | "FAIL_RELOAD"
  /** Answer every request with 503. */
  | "FAIL_CLOSED"
  /** Let every request pass, as if the filter did not exist. */
  | "FAIL_OPEN";

/** A module that Envoy, or an agent in its place, fetches. */
export interface RemoteModule {
  readonly uri: string;
  /** The cluster that leads there. */
  readonly cluster: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  readonly timeoutSeconds: number;
}

export interface WasmFilterOptions {
  /**
   * The filter's name: in Envoy's logs and statistics, and the name of the resource when it is
   * discovered.
   */
  readonly name: string;
  /** The path of the .wasm file as Envoy sees it. */
  readonly module: string;
  /**
   * What the module's `onConfigure` reads, as JSON text; absent: the module reads an empty
   * configuration.
   */
  readonly configuration?: Json;
  /**
   * Two filters with the same `vmId`, module and VM configuration share a VM on every worker. Two
   * filters with the same `vmId` share their shared data. Default: the filter's name, so nothing is
   * shared.
   */
  readonly vmId?: string;
  /**
   * The name of one of the module's filters, where the module has several, as modules of
   * `meshwright/proxy-runtime` may. Default: none.
   */
  readonly rootId?: string;
  /**
   * What the module's `onVmStart` reads, as JSON text; absent: an empty configuration. Filters that
   * share a VM must agree on it.
   */
  readonly vmConfiguration?: Json;
  /**
   * True: a pause in the headers callback stops the headers alone, and Envoy goes on to call the
   * callbacks of the body and of the trailers. Default: false, a pause stops all of them.
   */
  readonly allowOnHeadersStopIteration?: boolean;
  /** Default: `FAIL_RELOAD`. Always written, because Envoy's documents disagree on its default. */
  readonly failurePolicy?: FailurePolicy;
  /**
   * Whether to write the policy as Envoy 1.32 and older take it, which can only be open or closed.
   * Newer ones take it too. Default: false.
   */
  readonly oldFailurePolicy?: boolean;
}

/** A filter whose module is fetched. */
export interface RemoteFilterOptions extends Omit<WasmFilterOptions, "module"> {
  readonly module: RemoteModule;
}

/** Where a discovered filter's configuration comes from. */
export interface DiscoveredOptions {
  /** Default: the discovery server. */
  readonly source?: DiscoverySource | FileSource;
  /** The `@type` of its configuration. Default: a Wasm filter's. */
  readonly type?: string;
}

/** One named extension, as a discovery server gives it. */
export interface ExtensionResource {
  readonly name: string;
  readonly typed_config: TypedConfig;
}

/**
 * A Wasm filter with its configuration in place: a change needs a new listener.
 * @throws MeshwrightError `configuration` for an unknown failure policy
 */
export function wasmFilter(options: WasmFilterOptions): InlineFilter {
  return { name: options.name, typed_config: wasmConfig(WASM_FILTER, options) };
}

/**
 * The same among a listener's network filters, see `tcpListener`: the module sees connections, not
 * requests.
 */
export function wasmNetworkFilter(options: WasmFilterOptions): NetworkFilter {
  return { name: options.name, typed_config: wasmConfig(WASM_NETWORK_FILTER, options) };
}

/**
 * A filter whose configuration the discovery server, or a file, gives: see `wasmFilterResource`. A
 * change of it needs no new listener, and no request notices it.
 */
export function discoveredFilter(name: string, options: DiscoveredOptions = {}): DiscoveredFilter {
  const { source = discoverySource(), type = typeUrl(WASM_FILTER) } = options;
  return { name, config_discovery: { config_source: source, type_urls: [type] } };
}

/** The content of the file that is the source of a `discoveredFilter` of the same name. */
export function filterFile(options: WasmFilterOptions): object {
  const resource = wasmFilterResource(options);
  return { resources: [{ "@type": typeUrl("envoy.config.core.v3.TypedExtensionConfig"), ...resource }] };
}

/** What the discovery server gives for a `discoveredFilter` of the same name. */
export function wasmFilterResource(options: WasmFilterOptions | RemoteFilterOptions): ExtensionResource {
  return { name: options.name, typed_config: wasmConfig(WASM_FILTER, options) };
}

/**
 * What a route has for a Wasm filter that is disabled in its chain: as `enabledFilter`, without an
 * empty message inside, which Istio cannot read from JSON. A Wasm filter takes no configuration
 * from routes. Envoy passes over an optional one, and enables the filter.
 */
export function enabledWasmFilter(): TypedConfig {
  const config = typedConfig(WASM_FILTER);
  return typedConfig("envoy.config.route.v3.FilterConfig", { is_optional: true, config });
}

const FAILURE_POLICIES: readonly FailurePolicy[] = ["FAIL_RELOAD", "FAIL_CLOSED", "FAIL_OPEN"];

function wasmConfig(type: string, options: WasmFilterOptions | RemoteFilterOptions): TypedConfig {
  const { name, configuration, rootId, failurePolicy = "FAIL_RELOAD" } = options;
  // Envoy accepts a discovered filter with a policy that it does not know, and then fails in its
  // own way.
  if (!FAILURE_POLICIES.includes(failurePolicy)) {
    throw new MeshwrightError(
      "configuration",
      `the failurePolicy of filter "${name}" is "${failurePolicy}": give one of ${FAILURE_POLICIES.join(", ")}`,
    );
  }
  return typedConfig(type, {
    config: {
      name,
      ...(rootId === undefined ? {} : { root_id: rootId }),
      vm_config: vmConfig(options),
      ...(configuration === undefined ? {} : { configuration: jsonText(configuration) }),
      ...(options.oldFailurePolicy === true
        ? { fail_open: failurePolicy === "FAIL_OPEN" }
        : { failure_policy: failurePolicy }),
      // A VM usually fails because of one bad request, so restart it sooner than Envoy's default of
      // a second.
      ...(failurePolicy === "FAIL_RELOAD"
        ? { reload_config: { backoff: { base_interval: duration(0.1, "base_interval") } } }
        : {}),
      ...(options.allowOnHeadersStopIteration === true ? { allow_on_headers_stop_iteration: true } : {}),
    },
  });
}

function vmConfig(options: WasmFilterOptions | RemoteFilterOptions) {
  const { name, module, vmId = name, vmConfiguration } = options;
  return {
    runtime: "envoy.wasm.runtime.v8",
    vm_id: vmId,
    code: typeof module === "string" ? { local: { filename: module } } : remoteCode(module),
    ...(vmConfiguration === undefined ? {} : { configuration: jsonText(vmConfiguration) }),
  };
}

function remoteCode({ uri, cluster, sha256, timeoutSeconds }: RemoteModule) {
  const http_uri = { uri, cluster, timeout: duration(timeoutSeconds, "timeoutSeconds") };
  return { remote: { http_uri, sha256 } };
}

/**
 * It is text and not a Struct, because a Struct would reorder keys and turn every number into a
 * double.
 */
function jsonText(configuration: Json): TypedConfig {
  return typedConfig("google.protobuf.StringValue", { value: JSON.stringify(configuration) });
}
