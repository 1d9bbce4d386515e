// Filters as an EnvoyExtensionPolicy of Envoy Gateway.

import type { FilterUse } from "../../compose/filter-use.js";
import type { Json } from "../../envoy/config/json.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { Images } from "../input.js";
import type { Resource } from "../resource.js";
import type { GatewayOptions } from "./options.js";

/** Most filters of a policy. Source: the CRD of Envoy Gateway 1.9. */
const MAX_FILTERS = 16;

export interface PolicyTarget {
  readonly kind: "Gateway" | "HTTPRoute";
  readonly name: string;
  /** A rule of the HTTPRoute. Default: all of it. */
  readonly sectionName?: string | undefined;
}

export interface PolicyParts {
  readonly name: string;
  readonly targets: readonly PolicyTarget[];
  /** In the order of the chain. */
  readonly uses: readonly FilterUse[];
  readonly images: Images;
  readonly labels: Readonly<Record<string, string>>;
  /** `file:line:column` of a filter's settings. */
  readonly placeOf: (use: FilterUse) => string;
}

/** @throws MeshwrightError `configuration` for more filters than a policy may have */
export function policyResource(parts: PolicyParts, options: GatewayOptions): Resource {
  const { name, targets, uses, labels, placeOf } = parts;
  if (uses.length > MAX_FILTERS) {
    throw new MeshwrightError(
      "configuration",
      `${placeOf(uses[MAX_FILTERS] as FilterUse)}: Envoy Gateway takes ${MAX_FILTERS} filters in a policy, and these are ${uses.length}: make a bundle of some`,
    );
  }
  const targetRefs = targets.map(({ kind, name, sectionName }) => ({
    group: "gateway.networking.k8s.io",
    kind,
    name,
    ...(sectionName === undefined ? {} : { sectionName }),
  }));
  const wasm = uses.map((use, i) => wasmOf(use, i, parts, options));
  return {
    apiVersion: "gateway.envoyproxy.io/v1alpha1",
    kind: "EnvoyExtensionPolicy",
    metadata: { name, namespace: options.namespace, labels },
    body: { spec: { targetRefs, wasm } },
    comment: [
      ...uses.map((use) => `${use.filter}: ${use.descriptor.summary}. From ${placeOf(use)}.`),
      targets.some(({ kind }) => kind === "HTTPRoute")
        ? "A policy of an HTTPRoute, or of a rule of one, replaces those of the route and of its Gateway, so this one has the whole chain."
        : "A policy of an HTTPRoute replaces this one there.",
      ...failureComment(options),
    ],
  };
}

function wasmOf(use: FilterUse, position: number, parts: PolicyParts, options: GatewayOptions): Json {
  const { filter, config } = use;
  const image = parts.images.get(filter);
  if (image === undefined) throw new Error(`${filter} has no image`);
  const isTwice = parts.uses.filter((other) => other.filter === filter).length > 1;
  return {
    // Names must differ, and Envoy's VM is known by them.
    name: isTwice ? `${filter}-${position}` : filter,
    rootID: filter,
    code: {
      type: "Image",
      image: {
        url: image.url.replace(/^oci:\/\//, ""),
        // The digest of the image, which is not that of the module in it.
        sha256: image.digest.replace(/^sha256:/, ""),
      },
    },
    failOpen: options.failOpen,
    config,
  };
}

function failureComment({ failOpen }: GatewayOptions): readonly string[] {
  return [
    failOpen
      ? "Where the image cannot be fetched, and after a trap, requests pass without the filter."
      : "Where the image cannot be fetched, requests get 500; after a trap 503, until the proxy's configuration changes. Envoy Gateway cannot start a module again.",
    "Settings that the module refuses make every request 503 where the proxy has not had the module yet; else the last good ones stay. These were tried on the module.",
  ];
}
