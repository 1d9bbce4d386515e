// The filters of a list in a mesh file, while the file is checked.

import type { FilterUse } from "../filter-use.js";

/** A filter with its index in the list. */
export interface ListedUse<Use extends FilterUse = FilterUse> {
  readonly use: Use;
  readonly i: number;
}

/**
 * The filters with their indexes. Filters whose settings were refused are left out, because the
 * schema gives them no descriptor.
 */
export function placed<Use extends FilterUse>(uses: readonly Use[] = []): ListedUse<Use>[] {
  return uses.flatMap((use, i) => ("descriptor" in use ? [{ use, i }] : []));
}
