// A filter's module for a test. The first of the test's processes builds it when it is stale.

import { existsSync } from "node:fs";
import path from "node:path";
import { waitForLock } from "../../envoy/runtime/lock.js";
import { findPlace } from "../package/member.js";
import { buildFilters, isBuilt, moduleOf, modulePath } from "./build.js";
import { IN_CHECKOUT } from "./source.js";

/** Names a folder whose modules are used as they are, instead of building them. */
export const MODULES_VARIABLE = "MESHWRIGHT_MODULES";

/**
 * The path of a filter's module, built first if it is missing or older than its sources. Any number
 * of processes may ask at once: one compiles, and the others wait for it. After five seconds they
 * say on standard error which process they wait for. If `$MESHWRIGHT_MODULES` names a folder with
 * the module, that one is used.
 * @param filter in the form that `findMember` takes: a name or a path
 * @throws MeshwrightError as `buildFilters` and `waitForLock` do
 */
export async function filterModule(filter: string): Promise<string> {
  const given = givenModule(filter);
  if (given !== undefined) return given;
  const place = await findPlace(filter);
  const module = moduleOf(place);
  if (!place.isOwn && !IN_CHECKOUT) return module;
  // This check is cheaper than a build, which also reads the schema: that takes longer than most
  // tests.
  if (await isBuilt(place, module)) return module;
  using _ = await waitForLock(path.join(path.dirname(module), `.${place.name}.build-lock`));
  await buildFilters([place.entry]);
  return module;
}

/**
 * Looks the module up by name only: whoever made the folder knows which filter each module belongs
 * to, and a test may ask a thousand times.
 */
function givenModule(filter: string): string | undefined {
  const folder = process.env[MODULES_VARIABLE];
  if (folder === undefined) return undefined;
  const name = path.basename(path.basename(filter) === "index.ts" ? path.dirname(filter) : filter, ".ts");
  const module = modulePath(name, folder);
  return existsSync(module) ? module : undefined;
}
