// What every part of the output needs: the mesh, the options, and what is told on the way.

import type { FilterUse } from "../../compose/filter-use.js";
import type { Mesh } from "../../compose/mesh/shape.js";
import type { LiveResource } from "../diff/live.js";
import type { Images } from "../input.js";
import type { Resource } from "../resource.js";
import type { HostPlace } from "./hosts.js";
import type { IstioOptions } from "./options.js";
import type { PartRoute } from "./part-route.js";
import type { Told } from "./told.js";
import type { FailStrategy } from "./version.js";

export interface IstioContext {
  readonly mesh: Mesh;
  readonly options: IstioOptions;
  readonly images: Images;
  readonly told: Told;
  readonly strategy: FailStrategy;
  /** On every resource. */
  readonly labels: Readonly<Record<string, string>>;
  /** `file:line:column` of a filter's entry. */
  readonly placeOf: (use: FilterUse) => string;
  /** Whether the input says how long a request may take, and what is retried. */
  readonly ownsRoutes: boolean;
  /** The gateway's routes, where they are the operator's own. */
  readonly ownRoutes?: readonly PartRoute[];
  /** What exists in the cluster, as a person gave it by --cluster. */
  readonly existing: readonly LiveResource[];
  /** Where the services that filters call are, by the names in the filters' settings. */
  readonly called: ReadonlyMap<string, HostPlace>;
}

/** A resource whose name is not yet decided: two may not get the same one. */
export interface Draft {
  readonly kind: string;
  /** What its name is made of. */
  readonly parts: readonly string[];
  /** @param nameOf the name of another one by its kind and parts */
  readonly make: (name: string, nameOf: (kind: string, parts: readonly string[]) => string) => Resource;
}
