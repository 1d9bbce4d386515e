// A filter and its settings, at one place in a mesh or in a chain.

import type { Json } from "../envoy/config/json.js";
import type { FilterChain, FilterDescriptor } from "../filters/descriptor.js";
import type { OnPaths } from "./filter-paths.js";

export interface FilterUse extends OnPaths {
  /** The descriptor's name. */
  readonly filter: string;
  readonly descriptor: FilterDescriptor;
  /** The value that the descriptor's schema returned. */
  readonly config: Json;
  /** The chain that a person chose. Default: the one that its settings ask for, see `chainOf`. */
  readonly chain?: FilterChain;
  /**
   * The cluster in whose chain it stands, where its settings are for that cluster alone. Default:
   * they are for all clusters in whose chains it stands.
   */
  readonly cluster?: string | undefined;
}

/** The file of the module that runs a filter with its settings. */
export type ModulePath = (use: FilterUse) => string;

/** Whether both are the same entry of a file, of which each place may have a copy. */
export function isSameEntry(one: FilterUse, other: FilterUse): boolean {
  return one.descriptor === other.descriptor && one.config === other.config;
}

/** The `vm_id` of a filter whose plugins share data; nothing where each plugin has its own. */
export function sharedVm({ descriptor, config }: FilterUse): { readonly vmId?: string } {
  const vmId = descriptor.sharedData?.(config);
  return vmId === undefined ? {} : { vmId };
}
