// A mesh file as the resources of Istio.

import { isDeepStrictEqual } from "node:util";
import type { FilterUse } from "../../compose/filter-use.js";
import { outlierHeaders } from "../../compose/outlier-marks.js";
import type { LiveResource } from "../diff/live.js";
import { entryPaths, type Images, type MeshInput, usePlaces } from "../input.js";
import { resourceNames } from "../names.js";
import { type Rendered, type Resource, resourceKey } from "../resource.js";
import { appRouteDrafts } from "./app-routes.js";
import { upstreamDrafts } from "./attempts.js";
import { listenerFilterDrafts } from "./chains.js";
import type { Draft, IstioContext } from "./context.js";
import { egressDrafts } from "./egress.js";
import { type HostPlace, placeOfUrl } from "./hosts.js";
import { GATEWAY_NAME, gatewayDraft, listenerDrafts } from "./listeners.js";
import type { IstioOptions, Omittable } from "./options.js";
import { tellTcp, withoutTcp } from "./plain-tcp.js";
import { authorizationDrafts, peerAuthenticationDraft, sidecarDrafts, telemetryDraft } from "./policies.js";
import { gatewayRoutesDraft, routeDrafts } from "./routes.js";
import { destinationRuleDrafts, externalDrafts, serviceDrafts } from "./services.js";
import { tagDrafts } from "./tags.js";
import { tellMesh } from "./tell.js";
import { Told } from "./told.js";
import { decideFailStrategy, newerThanChecked, unreadMarks } from "./version.js";

/** @throws MeshwrightError `configuration` for what Istio has no word for */
export function meshResources(
  given: MeshInput,
  images: Images,
  existing: readonly LiveResource[],
  options: IstioOptions,
): Rendered {
  const input: MeshInput = { ...given, mesh: withoutTcp(given.mesh) };
  const told = new Told(input.placeOf);
  const { strategy, warning } = decideFailStrategy(options.minor, options.failStrategy);
  const context: IstioContext = {
    mesh: input.mesh,
    options,
    images,
    told,
    strategy,
    existing,
    ownsRoutes: true,
    labels: labelsOf(input.mesh.name),
    placeOf: placesOf(input),
    called: calledPlaces(input, options),
  };
  tellMesh(context, usePlaces(input));
  tellTcp(given.mesh, told);
  const marks = outlierHeaders([...usePlaces(input).keys()]);
  for (const line of [
    ...(warning === undefined ? [] : [warning]),
    ...newerThanChecked(options.minor),
    ...unreadMarks(options.minor, marks),
  ]) {
    told.warnOfAll(line);
  }
  const warnings = told.lines(options.leaveOut);
  return { resources: named(draftsOfMesh(input, context)), warnings };
}

export function labelsOf(partOf: string): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/managed-by": "meshwright", "app.kubernetes.io/part-of": partOf };
}

function placesOf(input: MeshInput): (use: FilterUse) => string {
  const pathOf = entryPaths(input);
  return (use) => input.placeOf(pathOf(use));
}

function calledPlaces({ mesh }: MeshInput, options: IstioOptions): ReadonlyMap<string, HostPlace> {
  const all = { ...mesh.grpcServices, ...mesh.httpServices };
  return new Map(Object.entries(all).map(([name, { url }]) => [name, placeOfUrl(url, name, options)]));
}

function draftsOfMesh(input: MeshInput, context: IstioContext): readonly Draft[] {
  const { options } = context;
  const { extras, omitted } = options;
  const unless = (kind: Omittable, drafts: () => readonly Draft[]) => (omitted.has(kind) ? [] : drafts());
  const namespaces = [...new Set([options.namespace, options.gateway.namespace])];
  return [
    ...(options.gateway.resource === undefined ? [gatewayDraft(context)] : []),
    ...unless("VirtualService", () => [
      gatewayRoutesDraft(context, options.gateway.resource ?? GATEWAY_NAME),
      ...routeDrafts(context),
    ]),
    ...serviceDrafts(context),
    ...unless("DestinationRule", () => destinationRuleDrafts(context)),
    ...externalDrafts(context),
    ...egressDrafts(context),
    ...unless("Sidecar", () => sidecarDrafts(context)),
    ...(extras.has("PeerAuthentication") ? [peerAuthenticationDraft(context)] : []),
    ...(extras.has("AuthorizationPolicy") ? authorizationDrafts(context) : []),
    ...(extras.has("Telemetry") ? [telemetryDraft(context)] : []),
    ...listenerDrafts(context),
    ...listenerFilterDrafts(context),
    ...upstreamDrafts(context),
    ...appRouteDrafts(context),
    ...unless("ConfigMap", () => tagDrafts(input, context, namespaces)),
  ];
}

/** Names are decided together: two resources of a kind may not get the same one. */
export function named(drafts: readonly Draft[]): readonly Resource[] {
  const kinds = [...new Set(drafts.map(({ kind }) => kind))];
  const names = new Map<Draft, string>();
  for (const kind of kinds) {
    const ofKind = drafts.filter((draft) => draft.kind === kind);
    const found = resourceNames(ofKind.map(({ parts }) => parts));
    for (const [i, draft] of ofKind.entries()) names.set(draft, found[i] ?? "");
  }
  const nameOf = (kind: string, parts: readonly string[]) => {
    const found = drafts.find((draft) => draft.kind === kind && isDeepStrictEqual(draft.parts, parts));
    if (found === undefined) throw new Error(`no ${kind} has a name of ${parts.join(", ")}`);
    return names.get(found) ?? "";
  };
  const resources = drafts.map((draft) => draft.make(names.get(draft) ?? "", nameOf));
  const keys = resources.map(resourceKey);
  const twice = keys.find((key, i) => keys.indexOf(key) !== i);
  if (twice !== undefined) throw new Error(`two resources are called ${twice}`);
  return resources;
}
