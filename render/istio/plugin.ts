// A filter of a listener's chain: a WasmPlugin, or a TrafficExtension where the release has it.

import type { Json } from "../../envoy/config/json.js";
import type { Note, Resource } from "../resource.js";
import { type FetchedFilter, failureComment } from "./extension.js";
import type { IstioOptions } from "./options.js";
import { type FailStrategy, pluginKind } from "./version.js";
import { isGateway, type PlacedPlugin } from "./workloads.js";

/** The first of a chain has the highest priority. */
const FIRST_PRIORITY = 1000;
const STEP = 10;

export interface PluginParts extends FetchedFilter {
  readonly name: string;
  readonly plugin: PlacedPlugin;
  readonly strategy: FailStrategy;
  readonly labels: Readonly<Record<string, string>>;
}

export function pluginResource(parts: PluginParts, options: IstioOptions): Resource {
  const { name, plugin, labels } = parts;
  const kind = pluginKind(options.minor);
  const { workload } = plugin;
  const wasm = wasmPart(parts);
  const order = {
    phase: options.phase,
    priority: FIRST_PRIORITY - STEP * plugin.position,
    match: plugin.matches.map(({ mode, ports }) => ({ mode, ports: ports.map((number) => ({ number })) })),
  };
  const selector = workload.labels === undefined ? {} : { selector: { matchLabels: workload.labels } };
  const { pluginConfig, ...source } = wasm;
  // What a reader looks for first comes before settings, which may be long.
  const settings = pluginConfig === undefined ? {} : { pluginConfig };
  const spec =
    kind === "WasmPlugin"
      ? { ...selector, ...source, ...order, ...settings }
      : { ...selector, ...order, wasm };
  return {
    apiVersion: "extensions.istio.io/v1alpha1",
    kind,
    metadata: { name, namespace: workload.namespace, labels },
    body: { spec },
    comment: [
      `${plugin.use.filter}: ${plugin.use.descriptor.summary}.`,
      `From ${parts.place}. ${standing(plugin)}`,
      failureComment("request", parts.strategy),
    ],
    notes: [orderNote(options)],
  };
}

function wasmPart({ image, strategy, config }: PluginParts): Readonly<Record<string, Json>> {
  const isEmpty = typeof config === "object" && config !== null && Object.keys(config).length === 0;
  return {
    url: image.url,
    // A digest names one content, which need not be asked for again.
    imagePullPolicy: "IfNotPresent",
    failStrategy: strategy,
    ...(isEmpty ? {} : { pluginConfig: config }),
  };
}

function standing({ workload, matches, service, isDoor }: PlacedPlugin): string {
  const modes = new Set(matches.map(({ mode }) => mode));
  const who = workload.labels === undefined ? "every workload of the namespace" : workload.name;
  if (service !== undefined) return `It stands where ${who} calls ${service}.`;
  if (isDoor || isGateway(workload)) {
    return isDoor ? "It stands where requests enter." : "It stands where the gateway calls services.";
  }
  if (modes.size > 1) return `It stands before ${who} and where ${who} calls others.`;
  return modes.has("SERVER") ? `It stands before ${who}.` : `It stands where ${who} calls others.`;
}

function orderNote({ phase }: IstioOptions): Note {
  const text =
    phase === "AUTHZ"
      ? "Rules can read the claims of tokens here, and no AuthorizationPolicy has seen the request yet."
      : "Tokens are checked later, so that rules cannot read claims; AuthorizationPolicies come later too.";
  return { path: ["spec", "phase"], text };
}
