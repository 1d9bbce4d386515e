// Finds the package in which an entry file is compiled, and the names that the compiler gives to
// the sources that the file imports. In a checkout of meshwright the SDK's files are below the
// package itself; an author's package has them in `node_modules`.

import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";

/**
 * Whether the toolkit runs from its sources, not from the published package, which contains
 * compiled modules.
 */
export const IN_CHECKOUT = existsSync(path.join(PACKAGE_ROOT, "cli/main.ts"));

/** An entry file, and the package in which it is compiled. */
export interface Source {
  /** The package's folder, an absolute path. */
  readonly root: string;
  /** The file's path below `root`. */
  readonly entry: string;
  /** Its text, if it is not on disk. */
  readonly text?: string;
  /** The folder of the meshwright whose SDK the compiler uses. */
  readonly sdkRoot: string;
  /**
   * How sources of the SDK are named: `assembly/`, or in an author's package
   * `meshwright/assembly/`.
   */
  readonly sdk: "assembly/" | "meshwright/assembly/";
}

/** The compiler's name for the files of the package `meshwright`. */
const COMPILER_NAME = "~lib/meshwright/";
const SHOWN_NAME = "meshwright/";

/**
 * The package of an entry file: the nearest folder above it with a package.json.
 * @param file an absolute path
 * @throws MeshwrightError `build` if there is none, or if meshwright is not installed in it
 */
export function sourceAt(file: string): Source {
  const root = nearestPackage(path.dirname(file));
  if (root === undefined) {
    throw new MeshwrightError(
      "build",
      `${file} is in no package: run \`npm init\` and \`npm install --save-dev meshwright\` in a folder above it`,
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
 * The current package: the nearest one from the current folder upwards. If there is none, it is
 * this package, or the current folder if this package is an installed one.
 */
export function workspaceRoot(): string {
  return nearestPackage(process.cwd()) ?? (IN_CHECKOUT ? PACKAGE_ROOT : process.cwd());
}

/** The nearest folder upwards that has a package.json. */
export function nearestPackage(folder: string): string | undefined {
  if (existsSync(path.join(folder, "package.json"))) return folder;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : nearestPackage(parent);
}

/**
 * Where the compiler finds meshwright. As in Node, that is `node_modules` of this folder or of one
 * above.
 */
export function installedIn(folder: string): string | undefined {
  const place = path.join(folder, "node_modules", "meshwright");
  if (existsSync(path.join(place, "assembly/index.ts"))) return place;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : installedIn(parent);
}

/** Rewrites the compiler's text so that it names meshwright's files as an author imports them. */
export function withShownNames(text: string): string {
  return text.replaceAll(COMPILER_NAME, SHOWN_NAME);
}

/** The compiler's options for this package, with the folder `root` as their base. */
export function packageOptions({ root, sdkRoot, sdk }: Source): readonly string[] {
  const abort = sdk === "assembly/" ? "assembly/abi/abort/abort" : `${COMPILER_NAME}assembly/abi/abort/abort`;
  const config = path.relative(root, path.join(sdkRoot, "asconfig.json"));
  // If a package is a link, as pnpm makes them, its dependencies are beside the link's target.
  const beside = path.dirname(realpathSync(sdkRoot));
  const paths = path.basename(beside) === "node_modules" ? ["--path", path.relative(root, beside)] : [];
  return ["--config", config, "--use", `abort=${abort}`, ...paths];
}
