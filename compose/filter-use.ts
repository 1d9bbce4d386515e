// A filter and its settings, at one place of a mesh or of a chain.

import type { Json } from "../envoy/config/json.js";
import type { FilterChain, FilterDescriptor } from "../filters/descriptor.js";

export interface FilterUse {
  /** The descriptor's name. */
  readonly filter: string;
  readonly descriptor: FilterDescriptor;
  /** As the descriptor's schema has given it. */
  readonly config: Json;
  /**
   * The chain that a person put it in. Default: the one that its settings ask for, see `chainOf`.
   */
  readonly chain?: FilterChain;
}
