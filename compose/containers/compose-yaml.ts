// Writes a compose project as a person would: what many services have in common stands once.

import {
  Alias,
  Document,
  isMap,
  isNode,
  isScalar,
  Pair,
  Scalar,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { ComposeProject, Part } from "./compose-project.js";

const ONE_LINE = 70;

/** @param heading lines of a comment before everything */
export function composeYaml(project: ComposeProject, heading: readonly string[]): string {
  const { name, shared, services, networks } = project;
  const parts = { ...prefixed(shared), services: owns(services), networks };
  const named = name === undefined ? parts : { name, ...parts };
  const document = new Document(named, { aliasDuplicateObjects: false });
  for (const [key, part] of Object.entries(shared)) {
    const node = document.get(`x-${key}`);
    if (isMap(node)) node.anchor = key;
    like(node, part);
  }
  for (const [key, part] of Object.entries(services)) {
    like(document.getIn(["services", key]), part);
    for (const [own, tag] of Object.entries(part.tags ?? {})) {
      const node = document.getIn(["services", key, own], true);
      if (isNode(node)) node.tag = tag;
    }
  }
  visit(document, {
    Collection: (_key, node) => oneLine(node, document),
    Scalar: (key, scalar) => quoted(key, scalar),
  });
  for (const key of ["services", "networks"]) {
    const node = document.get(key, true);
    const rest = isMap(node) ? node.items.slice(1) : [];
    for (const { key: each } of rest) if (isScalar(each)) each.spaceBefore = true;
  }
  const comment = heading.map((line) => `# ${line}`.trimEnd()).join("\n");
  return `${comment}\n\n${document.toString({ lineWidth: 0, flowCollectionPadding: false })}`;
}

function owns(parts: Readonly<Record<string, Part>>): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.entries(parts).map(([key, { own }]) => [key, own]));
}

function prefixed(parts: Readonly<Record<string, Part>>): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.entries(owns(parts)).map(([key, own]) => [`x-${key}`, own]));
}

function like(node: unknown, part: Part): void {
  if (part.like === undefined || !isMap(node)) return;
  node.items.unshift(new Pair(new Scalar("<<"), new Alias(part.like)));
}

/** Readers of YAML 1.1, such as compose, take a bare `on` or `no` for a boolean. */
function quoted(key: number | "key" | "value" | null, scalar: Scalar): void {
  if (key !== "key" && typeof scalar.value === "string") scalar.type = Scalar.QUOTE_DOUBLE;
}

/** Short lists and maps stand on one line. */
function oneLine(node: YAMLMap | YAMLSeq, document: Document): void {
  if (node.anchor !== undefined) return;
  // The text is ours: a mesh of many services has many aliases.
  const text = JSON.stringify(node.toJS(document, { maxAliasCount: -1 }));
  if (text.length <= ONE_LINE && !text.includes('"<<"')) node.flow = true;
}
