// The filters of the catalog that the demo mesh uses.

import { readFileSync } from "node:fs";
import path from "node:path";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { FILTERS } from "../../filters/catalog.js";

export const DEMO_MESH = path.join(PACKAGE_ROOT, "compose/mesh.yaml");

const text = readFileSync(DEMO_MESH, "utf8");
export const DEMO_FILTERS = FILTERS.map(({ name }) => name).filter((name) =>
  new RegExp(`filter: ${name}(?=[ \n])`).test(text),
);
