// Gives a test a filter's module. The first of the test's processes builds it where it is stale.

import { existsSync } from "node:fs";
import path from "node:path";
import { waitForLock } from "../../envoy/runtime/lock.js";
import { findPlace } from "../package/member.js";
import { buildFilters, isBuilt, moduleOf, modulePath } from "./build.js";
import { IN_CHECKOUT } from "./source.js";

/** The variable that names a folder whose modules are used as they are, instead of building any. */
export const MODULES_VARIABLE = "MESHWRIGHT_MODULES";

/**
 * The path of a filter's module, built first where it is missing or older than its sources. Any
 * number of processes may call this at once: one compiles, and the others wait for it. After five
 * seconds they name that process on standard error. Where `$MESHWRIGHT_MODULES` names a folder with
 * the module, that module is used.
 * @param filter a name or a path, as `findMember` expects it
 * @throws MeshwrightError the errors of `buildFilters` and `waitForLock`
 */
export async function filterModule(filter: string): Promise<string> {
  const given = givenModule(filter);
  if (given !== undefined) return given;
  const place = await findPlace(filter);
  const module = moduleOf(place);
  if (!place.isOwn && !IN_CHECKOUT) return module;
  // A build also reads the schema, which takes longer than most tests.
  if (await isBuilt(place, module)) return module;
  using _ = await waitForLock(path.join(path.dirname(module), `.${place.name}.build-lock`));
  await buildFilters([place.entry]);
  return module;
}

/**
 * The module is found by the name alone. Whoever made the folder knows each module's filter, and a
 * test may ask a thousand times.
 */
function givenModule(filter: string): string | undefined {
  const folder = process.env[MODULES_VARIABLE];
  if (folder === undefined) return undefined;
  const name = path.basename(path.basename(filter) === "index.ts" ? path.dirname(filter) : filter, ".ts");
  const module = modulePath(name, folder);
  return existsSync(module) ? module : undefined;
}
