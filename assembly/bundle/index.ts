// Several filters in one module, which share the cost of the host's callbacks. The build writes a
// bundle's entry file. It imports the filters' own entry files in the order of the chain and then
// calls `registerBundle`.

import { linkBundle } from "../bundle-link";
import { registerRootContext, takeFactories } from "../dispatcher";
import { Bundle } from "./link";
import { BundlePlan } from "./plan";
import { BundleRoot } from "./root";

export { Callback } from "../callbacks";

let plan: BundlePlan | null = null;

/**
 * Makes one filter of all filters that the files imported before have registered.
 * @param filters their names, which are the keys of their parts in the bundle's configuration
 * @param callbacks for each filter the `Callback`s that its own module would export
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
