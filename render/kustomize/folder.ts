// Resources as folders of Kustomize: a base for each filter, one for all else, and an example of an
// overlay. `kubectl apply -k` and every GitOps tool take them.

import { stringify } from "yaml";
import type { Images } from "../input.js";
import type { Resource } from "../resource.js";
import { resourceText } from "../yaml.js";

/** A file of the folder; folders in its name are divided by `/`. */
export interface KustomizeFile {
  readonly name: string;
  readonly bytes: string;
}

/** The base of what belongs to no single filter. */
const REST = "routes";
const KUSTOMIZATION = "kustomization.yaml";
const OVERLAY = "overlays/example";

/** The files, in the order in which they are told. */
export function kustomizeFiles(resources: readonly Resource[], images: Images): readonly KustomizeFile[] {
  const bases = new Map<string, Resource[]>();
  for (const resource of resources) {
    const base = baseOf(resource, images);
    bases.set(base, [...(bases.get(base) ?? []), resource]);
  }
  return [
    ...[...bases].flatMap(([name, all]) => baseFiles(`bases/${name}`, all)),
    overlayFile([...bases.keys()], resources),
  ];
}

/** The filter whose image the resource names, where it names one alone. */
function baseOf({ body }: Resource, images: Images): string {
  const text = JSON.stringify(body);
  const filters = [...images].filter(([, { url }]) => text.includes(JSON.stringify(url).slice(1, -1)));
  const [[filter] = [REST], ...others] = filters;
  return others.length === 0 ? filter : REST;
}

function baseFiles(folder: string, resources: readonly Resource[]): readonly KustomizeFile[] {
  const files = resources.map((resource) => ({ name: fileName(resource), bytes: resourceText(resource) }));
  const list = kustomization("Written by meshwright render kustomize: change it by an overlay.", {
    resources: files.map(({ name }) => name),
  });
  return [...files, { name: KUSTOMIZATION, bytes: list }].map(({ name, bytes }) => ({
    name: `${folder}/${name}`,
    bytes,
  }));
}

/** Names differ within a namespace alone. */
function fileName({ kind, metadata }: Resource): string {
  const namespace = metadata.namespace === undefined ? "" : `${metadata.namespace}-`;
  return `${namespace}${kind.toLowerCase()}-${metadata.name}.yaml`;
}

function overlayFile(bases: readonly string[], resources: readonly Resource[]): KustomizeFile {
  const plugin = resources.map(settingsPatch).find((patch) => patch !== undefined);
  const comment =
    "An example. Copy this folder for each environment: leave out the bases that it does not need, and give filters other settings by patches. Try them with meshwright validate before.";
  return {
    name: `${OVERLAY}/${KUSTOMIZATION}`,
    bytes: kustomization(comment, {
      resources: bases.map((name) => `../../bases/${name}`),
      labels: [{ pairs: { environment: "example" } }],
      ...(plugin === undefined ? {} : { patches: [plugin] }),
    }),
  };
}

/** A patch that puts in the settings which the base has: the place of other ones. */
function settingsPatch({ apiVersion, kind, metadata, body }: Resource): object | undefined {
  const spec = body.spec as { readonly pluginConfig?: unknown; readonly wasm?: { pluginConfig?: unknown } };
  const place = kind === "WasmPlugin" ? "/spec/pluginConfig" : "/spec/wasm/pluginConfig";
  const value = kind === "WasmPlugin" ? spec.pluginConfig : spec?.wasm?.pluginConfig;
  if (value === undefined) return undefined;
  const { name, namespace } = metadata;
  const [group = "", version = ""] = apiVersion.split("/");
  return {
    target: { group, version, kind, name, ...(namespace === undefined ? {} : { namespace }) },
    patch: stringify([{ op: "replace", path: place, value }], { lineWidth: 0 }),
  };
}

function kustomization(comment: string, content: object): string {
  const head = { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization" };
  return `# ${comment}\n${stringify({ ...head, ...content }, { lineWidth: 0 })}`;
}
