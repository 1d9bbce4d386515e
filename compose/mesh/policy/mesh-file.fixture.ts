// A mesh file with one service's policy, for tests.

import { checkDocument, type Placed } from "../../../envoy/document.js";
import { FILTERS } from "../../../filters/catalog.js";
import { meshSchema } from "../schema.js";
import type { Mesh } from "../shape.js";

const SCHEMA = meshSchema(FILTERS);

/** The whole file; `service` is the content of the service `s` beside its versions. */
export function fileWith(
  service: string,
  versions = "{ v1: { command: [a], instances: 2 } }",
  more = "",
): string {
  return [
    "name: shop",
    "gateway: { routes: [{ prefix: /, service: s }] }",
    "services:",
    "  s:",
    `    versions: ${versions}`,
    ...service.split("\n").map((line) => `    ${line}`),
    "  other: { versions: { v1: { command: [b] } } }",
    more,
  ].join("\n");
}

export function check(text: string) {
  return checkDocument(text, SCHEMA, "mesh.yaml");
}

/** The mesh with its places. Throws with the lines where it is refused. */
export function read(text: string): Placed<Mesh> {
  const checked = check(text);
  if (checked.ok) return checked;
  throw new Error(checked.lines.join("\n"));
}

export function problemsOf(text: string): readonly string[] {
  const checked = check(text);
  return checked.ok ? [] : checked.lines;
}
