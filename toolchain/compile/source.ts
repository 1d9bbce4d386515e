// Finds the package in which an entry file is compiled, and the names that the compiler gives to
// its sources. In a checkout of meshwright the SDK's files are below the package itself; an
// author's package has them in `node_modules`.

import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";

/**
 * Whether the toolkit runs from its sources, and not from the published package, which contains
 * built modules.
 */
export const IN_CHECKOUT = existsSync(path.join(PACKAGE_ROOT, "cli/main.ts"));

/** An entry file and the package in which it is compiled. */
export interface Source {
  /** The package's folder, an absolute path. */
  readonly root: string;
  /** The file's path below `root`. */
  readonly entry: string;
  /** The file's text, where it is not on the disk. */
  readonly text?: string;
  /** The folder of the meshwright whose SDK the compiler uses. */
  readonly sdkRoot: string;
  /**
   * The start of the names of the SDK's sources: `assembly/`, or in an author's package
   * `meshwright/assembly/`.
   */
  readonly sdk: "assembly/" | "meshwright/assembly/";
}

/** The start of the compiler's names for the files of that package. */
const COMPILER_NAME = "~lib/meshwright/";
const SHOWN_NAME = "meshwright/";

/**
 * The package of an entry file: the nearest folder upwards with a package.json.
 * @param file an absolute path
 * @throws MeshwrightError `build` where there is none, or where meshwright is not installed in it
 */
export function sourceAt(file: string): Source {
  const root = nearestPackage(path.dirname(file));
  if (root === undefined) {
    throw new MeshwrightError(
      "build",
      `${file} is not in a package: run \`npm init\` and \`npm install --save-dev meshwright\` in a folder above it`,
    );
  }
  const entry = path.relative(root, file);
  if (root === PACKAGE_ROOT) return { root, entry, sdkRoot: root, sdk: "assembly/" };
  const sdkRoot = installedIn(root);
  if (sdkRoot === undefined) {
    throw new MeshwrightError(
      "build",
      `meshwright is not installed in ${root}: run \`npm install --save-dev meshwright\` there`,
    );
  }
  return { root, entry, sdkRoot, sdk: "meshwright/assembly/" };
}

/**
 * The current package: the nearest one upwards from the current folder. Where there is none,
 * meshwright's own in a checkout, otherwise the current folder.
 */
export function workspaceRoot(): string {
  return nearestPackage(process.cwd()) ?? (IN_CHECKOUT ? PACKAGE_ROOT : process.cwd());
}

/** The nearest folder upwards with a package.json. */
export function nearestPackage(folder: string): string | undefined {
  if (existsSync(path.join(folder, "package.json"))) return folder;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : nearestPackage(parent);
}

/**
 * Where the compiler finds meshwright: like Node, in `node_modules` of this folder or of one above.
 */
export function installedIn(folder: string): string | undefined {
  const place = path.join(folder, "node_modules", "meshwright");
  if (existsSync(path.join(place, "assembly/index.ts"))) return place;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : installedIn(parent);
}

/**
 * A text of the compiler in which meshwright's files have the names by which an author imports
 * them.
 */
export function withShownNames(text: string): string {
  return text.replaceAll(COMPILER_NAME, SHOWN_NAME);
}

/** The compiler's options for the package, relative to the folder `root`. */
export function packageOptions({ root, sdkRoot, sdk }: Source): readonly string[] {
  const abort = sdk === "assembly/" ? "assembly/abi/abort/abort" : `${COMPILER_NAME}assembly/abi/abort/abort`;
  const config = path.relative(root, path.join(sdkRoot, "asconfig.json"));
  // Where a package is a link, as with pnpm, its dependencies are beside the place that the link
  // leads to. The compiler takes a relative path for one from the folder of its process.
  const beside = path.dirname(realpathSync(sdkRoot));
  const paths = path.basename(beside) === "node_modules" ? ["--path", beside] : [];
  return ["--config", config, "--use", `abort=${abort}`, ...paths];
}
