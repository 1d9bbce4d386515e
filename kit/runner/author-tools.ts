// The test tools of the package under test. The versions that it installs are the ones that run.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";

/** What to install, by the package's name. The rest come with these. */
const INSTALL: Readonly<Record<string, string>> = {
  vitest: "vitest@^4.1.12",
  "@as-pect/cli": "@as-pect/cli@8.1.0",
};

/**
 * The module of vitest's Node interface. Throws `MeshwrightError("tool-missing")` when the package
 * at `root` does not have it.
 */
export function findVitest(root: string): string {
  return path.join(folderOf("vitest", root), "dist/node.js");
}

/** What as-pect's command needs, as absolute paths. */
export interface Aspect {
  /** Its program for Node. */
  readonly program: string;
  /** The sources that every spec is compiled with. */
  readonly assembly: string;
  /** The transform that changes the compiler. */
  readonly transform: string;
}

/** Throws `MeshwrightError("tool-missing")` when the package at `root` does not have as-pect. */
export function findAspect(root: string): Aspect {
  const cli = folderOf("@as-pect/cli", root);
  return {
    program: path.join(cli, "lib/test.js"),
    assembly: path.join(folderOf("@as-pect/assembly", cli), "assembly/index.ts"),
    transform: path.join(folderOf("@as-pect/transform", cli), "lib/index.js"),
  };
}

/**
 * The folder in which Node finds a package, searched from `from` upwards. Node's own resolution
 * hides files that the package does not export.
 */
function folderOf(name: string, from: string): string {
  const places = createRequire(path.join(from, "package.json")).resolve.paths(name) ?? [];
  const found = places.map((place) => path.join(place, name)).find((folder) => existsSync(folder));
  if (found !== undefined) return found;
  const install = INSTALL[name] ?? name;
  throw new MeshwrightError(
    "tool-missing",
    `${name} is not installed in ${from}: run \`npm install --save-dev ${install}\` there`,
  );
}
