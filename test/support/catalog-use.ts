// Filters of the catalog with settings, as a mesh file or a command names them.

import type { FilterUse } from "../../compose/filter-use.js";
import type { Json } from "../../envoy/config/json.js";
import { findFilter } from "../../filters/catalog.js";

/** @param filter a name of the catalog */
export function catalogUse(filter: string, config: Json = {}): FilterUse {
  return { filter, descriptor: findFilter(filter), config };
}
