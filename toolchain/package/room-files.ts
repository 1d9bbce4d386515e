// The files of a new filter's room: those of `filters/template`, which is a filter like any other,
// with the new filter's name and imports.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";

const TEMPLATE = path.join(PACKAGE_ROOT, "filters/template");

/**
 * Where the room will be: in a checkout of meshwright, or in an author's package, which imports by
 * meshwright's name.
 */
export type RoomPlace = "checkout" | "package";

/** The template's imports and those of an author's package. The longest come first. */
const IMPORTS: readonly (readonly [from: string, to: string])[] = [
  ['"../../assembly"', '"meshwright/assembly"'],
  ['"../../assembly/', '"meshwright/assembly/'],
  ['"../descriptor.js"', '"meshwright/descriptor"'],
  ['"../../kit/index.js"', '"meshwright/test"'],
  ['"../../kit/vitest.js"', '"meshwright/test/vitest"'],
];

/** The name and the text of every file in the room of a filter of that name. */
export async function roomFiles(name: string, place: RoomPlace): Promise<ReadonlyMap<string, string>> {
  const files = (await readdir(TEMPLATE)).sort();
  const texts = files.map(async (file) => {
    const text = await readFile(path.join(TEMPLATE, file), "utf8");
    return [file, place === "package" ? withPackageImports(named(text, name)) : named(text, name)] as const;
  });
  return new Map(await Promise.all(texts));
}

/**
 * Metrics and response code details have underscores where the name has hyphens. All are replaced
 * in one pass, because the new name may contain the old one.
 */
function named(text: string, name: string): string {
  return text.replaceAll(/template(_|\.requests_total)?/g, (_, metric = "") =>
    metric === "" ? name : `${name.replaceAll("-", "_")}${metric}`,
  );
}

function withPackageImports(text: string): string {
  return IMPORTS.reduce((changed, [from, to]) => changed.replaceAll(from, to), text);
}
