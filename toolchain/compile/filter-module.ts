// A filter's module for a test: built when it is stale, by whichever of the test's processes comes
// first.

import { existsSync } from "node:fs";
import path from "node:path";
import { waitForLock } from "../../envoy/runtime/lock.js";
import { findPlace } from "../package/member.js";
import { buildFilters, isBuilt, moduleOf, modulePath } from "./build.js";
import { IN_CHECKOUT } from "./source.js";

/** Names a folder whose modules are taken as they are, in place of those that would be built. */
export const MODULES_VARIABLE = "MESHWRIGHT_MODULES";

/**
 * The path of a filter's module, built first where it is missing or older than its sources. Any
 * number of processes may ask at once: one compiles, and the others wait for it; after five seconds
 * they say on standard error for whom. Where `$MESHWRIGHT_MODULES` names a folder with the module,
 * that one is taken.
 * @param filter as `findMember` takes it: a name or a path
 * @throws MeshwrightError as `buildFilters` and `waitForLock` do
 */
export async function filterModule(filter: string): Promise<string> {
  const given = givenModule(filter);
  if (given !== undefined) return given;
  const place = await findPlace(filter);
  const module = moduleOf(place);
  if (!place.isOwn && !IN_CHECKOUT) return module;
  // A build reads the schema too, which takes longer than most tests.
  if (await isBuilt(place, module)) return module;
  using _ = await waitForLock(path.join(path.dirname(module), `.${place.name}.build-lock`));
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
