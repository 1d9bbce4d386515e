// The test tools of the package that is tested: what it installs is what runs.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";

/** What to install, by the package's name; the rest come with these. */
const INSTALL: Readonly<Record<string, string>> = {
  vitest: "vitest@^4.1.12",
  "@as-pect/cli": "@as-pect/cli@8.1.0",
};

/**
 * The module of vitest's own interface. Throws `MeshwrightError("tool-missing")` where the package
 * at `root` does not have it.
 */
export function findVitest(root: string): string {
  return path.join(folderOf("vitest", root), "dist/node.js");
}

/** What as-pect's command needs, as absolute paths. */
export interface Aspect {
  /** Its program for Node. */
  readonly program: string;
  /** What every spec is compiled with. */
  readonly assembly: string;
  /** What the compiler is changed by. */
  readonly transform: string;
}

/** Throws `MeshwrightError("tool-missing")` where the package at `root` does not have as-pect. */
export function findAspect(root: string): Aspect {
  const cli = folderOf("@as-pect/cli", root);
  return {
    program: path.join(cli, "lib/test.js"),
    assembly: path.join(folderOf("@as-pect/assembly", cli), "assembly/index.ts"),
    transform: path.join(folderOf("@as-pect/transform", cli), "lib/index.js"),
  };
}

/**
 * Where Node finds a package from a folder on; its own resolution would not tell of files that the
 * package keeps to itself.
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
