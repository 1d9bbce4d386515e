// The files of a new filter's room: those of `filters/template`, which is a filter like any other,
// with the new one's name and imports.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";

const TEMPLATE = path.join(PACKAGE_ROOT, "filters/template");

/**
 * Where the room will be: in a checkout of meshwright, or in an author's package, which imports
 * what it needs by meshwright's name.
 */
export type RoomPlace = "checkout" | "package";

/** From what the template imports to what an author's package does. The longest come first. */
const IMPORTS: readonly (readonly [from: string, to: string])[] = [
  ['"../../assembly"', '"meshwright/assembly"'],
  ['"../../assembly/', '"meshwright/assembly/'],
  ['"../descriptor.js"', '"meshwright/descriptor"'],
  ['"../../kit/index.js"', '"meshwright/test"'],
  ['"../../kit/vitest.js"', '"meshwright/test/vitest"'],
];

/** A file's name and its text, for every file of the room of a filter of that name. */
export async function roomFiles(name: string, place: RoomPlace): Promise<ReadonlyMap<string, string>> {
  const files = (await readdir(TEMPLATE)).sort();
  const texts = files.map(async (file) => {
    const text = await readFile(path.join(TEMPLATE, file), "utf8");
    return [file, place === "package" ? withPackageImports(named(text, name)) : named(text, name)] as const;
  });
  return new Map(await Promise.all(texts));
}

/**
 * Metrics and response code details have underscores where the name has hyphens. In one pass, since
 * the new name may have the old one in it.
 */
function named(text: string, name: string): string {
  return text.replaceAll(/template(_|\.requests_total)?/g, (_, metric = "") =>
    metric === "" ? name : `${name.replaceAll("-", "_")}${metric}`,
  );
}

function withPackageImports(text: string): string {
  return IMPORTS.reduce((changed, [from, to]) => changed.replaceAll(from, to), text);
}
