// A filter's module for a test: built when it is stale, by whichever of the test's processes comes
// first.

import { existsSync } from "node:fs";
import { mkdir, readlink, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive } from "../../envoy/runtime/alive.js";
import { findPlace } from "../package/member.js";
import { buildFilters, isBuilt, moduleOf, modulePath } from "./build.js";
import { IN_CHECKOUT } from "./source.js";

/** Names a folder whose modules are taken as they are, in place of those that would be built. */
export const MODULES_VARIABLE = "MESHWRIGHT_MODULES";

const POLL_MS = 20;

/**
 * The path of a filter's module, built first where it is missing or older than its sources. Any
 * number of processes may ask at once: one compiles, and the others wait for it. Where
 * `$MESHWRIGHT_MODULES` names a folder with the module, that one is taken.
 * @param filter as `findMember` takes it: a name or a path
 * @throws MeshwrightError as `buildFilters` does
 */
export async function filterModule(filter: string): Promise<string> {
  const given = givenModule(filter);
  if (given !== undefined) return given;
  const place = await findPlace(filter);
  const module = moduleOf(place);
  if (!place.isOwn && !IN_CHECKOUT) return module;
  // A build reads the schema too, which takes longer than most tests.
  if (await isBuilt(place, module)) return module;
  await using _ = await lock(path.join(path.dirname(module), `.${place.name}.lock`));
  await buildFilters([place.entry]);
  return module;
}

/**
 * Found by the name alone: whoever set the folder up knows of which filter each module is, and a
 * test may ask for it a thousand times.
 */
function givenModule(filter: string): string | undefined {
  const folder = process.env[MODULES_VARIABLE];
  if (folder === undefined) return undefined;
  const name = path.basename(path.basename(filter) === "index.ts" ? path.dirname(filter) : filter, ".ts");
  const module = modulePath(name, folder);
  return existsSync(module) ? module : undefined;
}

/**
 * Waits until no other process that lives has the file, and makes it: a link to its own number,
 * which is there at once or not at all.
 */
async function lock(file: string): Promise<AsyncDisposable> {
  await mkdir(path.dirname(file), { recursive: true });
  while (!(await take(file))) await delay(POLL_MS);
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
}

async function take(file: string): Promise<boolean> {
  try {
    await symlink(String(process.pid), file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const owner = Number(await readlink(file).catch(() => process.pid));
  if (!isAlive(owner)) await rm(file, { force: true });
  return false;
}
