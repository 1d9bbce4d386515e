// What a bundle consists of. Its entry file says so once, for every plugin that runs the bundle.

import { RootContextFactory } from "../dispatcher";

/** The filters of a bundle, in the order of the chain. */
@final
export class BundlePlan {
  /** The callbacks that any of the filters has. */
  readonly union: i32;

  constructor(
    readonly name: string,
    readonly filters: StaticArray<string>,
    /**
     * For each filter the callbacks that its own module would export: no other is called, as there.
     */
    readonly callbacks: StaticArray<i32>,
    readonly factories: Array<RootContextFactory>,
  ) {
    assert(factories.length == filters.length, "each filter of a bundle registers one root context");
    let union = 0;
    for (let i = 0; i < callbacks.length; i++) union |= callbacks[i];
    this.union = union;
  }
}
