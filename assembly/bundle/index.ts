// Several filters in one module: they pay for the host's share and its callbacks once. A bundle's
// entry file, which the build writes, imports the filters' own entry files in the order of the
// chain and then calls `registerBundle`.

import { linkBundle } from "../bundle-link";
import { registerRootContext, takeFactories } from "../dispatcher";
import { Bundle } from "./link";
import { BundlePlan } from "./plan";
import { BundleRoot } from "./root";

export { Callback } from "./plan";

let plan: BundlePlan | null = null;

/**
 * Makes one filter of those that the files imported before have registered.
 * @param filters their names, by which the bundle's configuration has theirs
 * @param callbacks for each the `Callback`s that it exports when it stands alone
 */
export function registerBundle(
  name: string,
  filters: StaticArray<string>,
  callbacks: StaticArray<i32>,
): void {
  plan = new BundlePlan(name, filters, callbacks, takeFactories());
  linkBundle(new Bundle());
  registerRootContext((id: u32) => new BundleRoot(id, plan!));
}
