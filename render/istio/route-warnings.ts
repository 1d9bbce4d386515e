// What a person must do about routes, where filters' files are rendered and routes are partly their
// own.

import { choosesDestinations } from "../../compose/destinations.js";
import { routersOwnHeaders } from "../../compose/retry-marks.js";
import type { PlacedUse } from "../input.js";
import type { IstioContext } from "./context.js";
import { serviceHost } from "./hosts.js";
import type { IstioOptions, Target } from "./options.js";
import { virtualServiceOf } from "./own-routes.js";
import type { PartRoute } from "./part-route.js";
import { serviceRoutes } from "./routes.js";

/** Whether the output has the routes of the service, because a filter is about some of them. */
export function writesRoutes(uses: readonly PlacedUse[], target: Target, { omitted }: IstioOptions): boolean {
  if (target.kind === "gateway" || target.at === "inbound" || omitted.has("VirtualService")) return false;
  return uses.some((use) => choosesDestinations(use) || use.paths !== undefined);
}

export function routeWarnings(
  context: IstioContext,
  uses: readonly PlacedUse[],
  target: Target,
): readonly string[] {
  return [
    ...chooserWarnings(context, uses, target),
    ...pathWarnings(context, uses, target),
    ...twiceWarnings(context, uses, target),
  ];
}

function chooserWarnings(
  { options }: IstioContext,
  uses: readonly PlacedUse[],
  target: Target,
): readonly string[] {
  const removed = routersOwnHeaders(uses);
  const chooses = uses.some(choosesDestinations);
  return [
    ...(chooses && target.kind === "gateway"
      ? [
          "the gateway's routes are yours: match the destination header in its VirtualService, as render does for a mesh file",
        ]
      : []),
    ...(chooses && target.kind === "service" && options.fallback === undefined
      ? [
          "requests for which no filter decides go to all versions: name one with --default VERSION, if one should take them",
        ]
      : []),
    ...(removed.length > 0 && !writesRoutes(uses, target, options)
      ? [
          `clients would get ${removed.join(", ")}: remove it in your VirtualService, with headers: { response: { remove: [${removed.join(", ")}] } } on its routes`,
        ]
      : []),
  ];
}

/** A rule for /login must not be passed by //login. */
function pathWarnings(context: IstioContext, uses: readonly PlacedUse[], target: Target): readonly string[] {
  if (uses.every(({ paths }) => paths === undefined)) return [];
  const isOutbound = target.kind === "service" && target.at === "outbound";
  return [
    "to Istio //a is another path than /a, and %2F another one than /, where a filter for /a does not run: set meshConfig.pathNormalization.normalization to MERGE_SLASHES, or to DECODE_AND_MERGE_SLASHES",
    ...(target.kind === "gateway"
      ? ["filters are enabled on your routes by their names: when your VirtualServices change, render again"]
      : []),
    ...(isOutbound ? omittedRoutes(context, serviceRoutes(context, target.name)) : []),
  ];
}

/** What routes must be called where they are not written. */
export function omittedRoutes(
  { options: { omitted } }: IstioContext,
  routes: readonly PartRoute[],
): readonly string[] {
  if (!omitted.has("VirtualService") || routes.length === 0) return [];
  const names = [...new Set(routes.map(({ name }) => name))];
  return [
    `filters are enabled on routes by their names, and --without VirtualService leaves the routes out: call yours ${names.join(", ")}`,
  ];
}

/** Istio takes one VirtualService for each host that sidecars call. */
function twiceWarnings(
  { options, existing }: IstioContext,
  uses: readonly PlacedUse[],
  target: Target,
): readonly string[] {
  if (target.kind === "gateway" || !writesRoutes(uses, target, options)) return [];
  const own = virtualServiceOf(serviceHost(target.name, options), options.namespace, existing);
  if (own === undefined) return [];
  return [
    `${own} has routes of ${target.name} already, and Istio takes one VirtualService for a host: put the routes of this output into it, with their names, and give --without VirtualService`,
  ];
}
