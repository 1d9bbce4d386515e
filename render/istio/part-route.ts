// A route of a VirtualService.

import type { Json } from "../../envoy/config/json.js";

export type HttpRoute = Readonly<Record<string, Json>>;

/** A route, and what filters by route know it by. */
export interface PartRoute {
  /** Undefined where it is the operator's own, of which only the name counts. */
  readonly service: string | undefined;
  /** The paths that it has begin with this, and with no longer part before it. */
  readonly part: string;
  /** No other route of the VirtualService has this name. */
  readonly name: string;
  readonly route: HttpRoute;
}
