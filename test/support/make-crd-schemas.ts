// Makes `crds/*.json` from the CRDs of Istio's releases, as `npx tsx` runs this file.
// Go's module proxy has the CRDs in the module istio.io/api. Only what judges a resource is kept.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";

/** The releases that are checked: the oldest and the newest of those we support, and 1.30. */
export const ISTIO_API_RELEASES = ["1.24.2", "1.30.8", "1.32.0"] as const;
export type IstioApiRelease = (typeof ISTIO_API_RELEASES)[number];

/** What `render istio` writes. */
const KINDS = new Set([
  "AuthorizationPolicy",
  "DestinationRule",
  "EnvoyFilter",
  "Gateway",
  "PeerAuthentication",
  "ServiceEntry",
  "Sidecar",
  "Telemetry",
  "TrafficExtension",
  "VirtualService",
  "WasmPlugin",
]);

/** Keys that judge nothing here: texts, and what only an API server evaluates. */
const DROPPED = /^(description|format|example|x-kubernetes-(?!preserve-unknown-fields|int-or-string).*)$/;

interface Crd {
  readonly kind: string;
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: unknown };
    }[];
  };
}

/**
 * A JSON Schema for each kind, by `GROUP/VERSION/KIND`; unknown keys are refused.
 * @param isWanted default: what `render istio` writes
 */
export function crdSchemas(
  text: string,
  isWanted = (kind: string, version: string) => KINDS.has(kind) && isRendered(kind, version),
): Readonly<Record<string, unknown>> {
  const crds = parseAllDocuments(text).map((document) => document.toJS() as Crd | null);
  const schemas = crds.flatMap((crd) => {
    if (crd?.kind !== "CustomResourceDefinition") return [];
    const { group, names, versions } = crd.spec;
    return versions
      .filter(({ name }) => isWanted(names.kind, name))
      .map(
        ({ name, schema }) =>
          [`${group}/${name}/${names.kind}`, resourceSchema(schema.openAPIV3Schema)] as const,
      );
  });
  return Object.fromEntries(schemas.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const ONLY_ALPHA = new Set(["EnvoyFilter", "TrafficExtension", "WasmPlugin"]);

function isRendered(kind: string, version: string): boolean {
  return ONLY_ALPHA.has(kind) || version === "v1";
}

function resourceSchema(schema: unknown): unknown {
  const { properties } = strict(schema) as { readonly properties: Readonly<Record<string, unknown>> };
  return {
    type: "object",
    required: ["apiVersion", "kind", "metadata", "spec"],
    additionalProperties: false,
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      spec: properties.spec,
    },
  };
}

function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== "object" || schema === null) return schema;
  const kept = Object.entries(schema).filter(
    ([key, value]) => !DROPPED.test(key) || isProperties(key, value),
  );
  const made: Record<string, unknown> = Object.fromEntries(kept.map(([key, value]) => [key, strict(value)]));
  if (made["x-kubernetes-int-or-string"] === true) {
    const { type: _, "x-kubernetes-int-or-string": __, ...rest } = made;
    return { ...rest, oneOf: [{ type: "string" }, { type: "integer" }] };
  }
  const isOpen = made["x-kubernetes-preserve-unknown-fields"] === true;
  delete made["x-kubernetes-preserve-unknown-fields"];
  if (made.type === "object" && "properties" in made && !("additionalProperties" in made) && !isOpen) {
    made.additionalProperties = false;
  }
  return made;
}

/** A property may itself be called `description` or `format`. */
function isProperties(key: string, value: unknown): boolean {
  return (key === "description" || key === "format" || key === "example") && typeof value === "object";
}

/** The CRDs of a release, from Go's module proxy. Throws where there is no Go or no proxy. */
export function downloadCrds(release: IstioApiRelease): string {
  const output = execFileSync("go", ["mod", "download", "-json", `istio.io/api@v${release}`], {
    cwd: tmpdir(),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const { Dir } = JSON.parse(output) as { readonly Dir: string };
  return readFileSync(path.join(Dir, "kubernetes/customresourcedefinitions.gen.yaml"), "utf8");
}

/** The file of a release's schemas. */
export function schemasFile(release: IstioApiRelease): string {
  return fileURLToPath(new URL(`crds/istio-${release}.json`, import.meta.url));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const release of ISTIO_API_RELEASES) {
    writeFileSync(schemasFile(release), `${JSON.stringify(crdSchemas(downloadCrds(release)))}\n`);
  }
}
