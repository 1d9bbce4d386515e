// A Kubernetes resource before it is written, with what its reader should know.

import type { Json } from "../envoy/config/json.js";

/** A comment above a key of a resource. */
export interface Note {
  /** Keys and indexes from the resource's root to the key. */
  readonly path: readonly (string | number)[];
  readonly text: string;
}

export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  /** Everything beside the three keys above: `spec`, or a ConfigMap's `data`. */
  readonly body: Readonly<Record<string, Json>>;
  /** What it does, and what happens when it fails: lines above the resource. */
  readonly comment: readonly string[];
  readonly notes?: readonly Note[];
}

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a renderer made. */
export interface Rendered {
  /** In the order in which they are written. */
  readonly resources: readonly Resource[];
  /** What the reader must know of the whole: what was left out, and why. One line each. */
  readonly warnings: readonly string[];
}

/** Which resource of a cluster it is: two with the same key are the same one. */
export function resourceKey({ apiVersion, kind, metadata }: NamedResource): string {
  const group = apiVersion.includes("/") ? apiVersion.replace(/\/.*/, "") : "";
  return [group, kind, metadata.namespace ?? "", metadata.name].join("/");
}

/** What a resource is known by, whoever wrote it. */
export interface NamedResource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined };
}
