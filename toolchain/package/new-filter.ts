// Makes the room of a new filter and, where needed, the author's package around it.

import { spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { findNpm } from "../../envoy/runtime/find-npm.js";
import { isCatalogName } from "../../filters/catalog.js";
import { installedIn, nearestPackage } from "../compile/source.js";
import { sweep } from "../compile/sweep.js";
import { packageFiles } from "./author-package.js";
import { NAME, NAME_RULE } from "./member.js";
import { roomFiles } from "./room-files.js";

/** The outcome of `newFilter`. */
export interface NewFilter {
  /** The package's folder, an absolute path. */
  readonly root: string;
  /** The files that were written, below `root`. */
  readonly files: readonly string[];
  /** Whether packages must be installed before the filter can be tested. */
  readonly mustInstall: boolean;
}

/**
 * Writes `filters/NAME` with a small filter that builds and passes its tests, for its author to
 * change.
 * @param name lower-case letters, digits and "-"
 * @param options.dir the package's folder, made where there is none. Default: the nearest upwards
 * from the current folder with a package.json, else
 *   the current folder. What the package needs to build and test filters is added to it.
 * @throws MeshwrightError `usage` for a name that cannot be one or is taken, and for a package.json
 * that cannot be read; nothing is written then
 */
export async function newFilter(
  name: string,
  options: { readonly dir?: string; readonly signal?: AbortSignal } = {},
): Promise<NewFilter> {
  const root = rootOf(options.dir);
  refuseName(name, root);
  const isCheckout = root === PACKAGE_ROOT;
  const around = isCheckout ? new Map<string, string>() : await packageFiles(root);
  const room = path.join("filters", name);
  const texts = await roomFiles(name, isCheckout ? "checkout" : "package");
  options.signal?.throwIfAborted();
  try {
    await writeRoom(path.join(root, room), texts, options.signal);
    for (const [file, text] of around) await writeFile(path.join(root, file), text);
  } catch (error) {
    options.signal?.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    throw new MeshwrightError("usage", `cannot write to ${root}: ${reason}`);
  }
  return {
    root,
    files: [...around.keys(), ...[...texts.keys()].map((file) => path.join(room, file))],
    mustInstall:
      [...around.keys()].some((file) => path.basename(file) === "package.json") ||
      (!isCheckout && installedIn(root) === undefined),
  };
}

function rootOf(dir: string | undefined): string {
  const root = dir === undefined ? (nearestPackage(process.cwd()) ?? process.cwd()) : path.resolve(dir);
  if (!root.split(path.sep).includes("node_modules")) return root;
  throw new MeshwrightError(
    "usage",
    `${root} is an installed package: make filters in a package of your own`,
  );
}

function refuseName(name: string, root: string): void {
  if (!NAME.test(name)) {
    throw new MeshwrightError("usage", `"${name}" cannot be a filter's name: ${NAME_RULE}`);
  }
  if (isCatalogName(name)) {
    throw new MeshwrightError("usage", `"${name}" is taken by a filter of meshwright: choose another name`);
  }
  const room = path.join(root, "filters", name);
  if (existsSync(room)) throw new MeshwrightError("usage", `${room} already exists: choose another name`);
}

/** The room is written as a whole or not at all, even after Ctrl-C. */
async function writeRoom(
  room: string,
  texts: ReadonlyMap<string, string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const partial = path.join(path.dirname(room), `.${path.basename(room)}.${process.pid}.partial`);
  await sweep(path.dirname(room), /^\.[a-z0-9-]+\.(\d+)\.partial$/);
  const remove = () => rmSync(partial, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    await mkdir(partial);
    for (const [file, text] of texts) await writeFile(path.join(partial, file), text);
    signal?.throwIfAborted();
    await rename(partial, room);
  } finally {
    process.off("exit", remove);
    remove();
  }
}

/**
 * Runs `npm install` in the package. Its output goes to this process's own.
 * @throws MeshwrightError `tool-missing` where it fails, or where there is no npm
 */
export async function installPackages(root: string, signal: AbortSignal): Promise<void> {
  const npm = spawn(findNpm(), ["install", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    signal,
  });
  const reason = await new Promise<string | undefined>((resolve) => {
    npm.on("error", (error) => resolve(error.message));
    npm.on("close", (code) => resolve(code === 0 ? undefined : `it ended with ${code ?? "a signal"}`));
  });
  signal.throwIfAborted();
  if (reason === undefined) return;
  throw new MeshwrightError(
    "tool-missing",
    `npm install in ${root} failed, ${reason}: correct what npm names and run it there again`,
  );
}
