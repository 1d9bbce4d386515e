// Filters' own files as the resources of Istio, where a person says what they stand before.

import { chainOf } from "../../compose/chains.js";
import { choosesDestinations, destinationPlaces } from "../../compose/destinations.js";
import type { FilterUse } from "../../compose/filter-use.js";
import { callableServices, unnamedServiceProblems } from "../../compose/front/filters.js";
import type { Mesh } from "../../compose/mesh/shape.js";
import { outlierHeaders } from "../../compose/outlier-marks.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { formatPath } from "../../envoy/problems.js";
import type { LiveResource } from "../diff/live.js";
import type { FiltersInput, Images, PlacedUse } from "../input.js";
import type { Rendered } from "../resource.js";
import { appRouteDrafts } from "./app-routes.js";
import { upstreamDrafts } from "./attempts.js";
import { listenerFilterDrafts } from "./chains.js";
import type { Draft, IstioContext } from "./context.js";
import { placeOfUrl } from "./hosts.js";
import { gatewayPlaceWarnings } from "./listeners.js";
import { labelsOf, named } from "./mesh.js";
import type { IstioOptions, Target } from "./options.js";
import { type OwnRoutes, ownGatewayRoutes } from "./own-routes.js";
import { routeWarnings, writesRoutes } from "./route-warnings.js";
import { routeDrafts } from "./routes.js";
import { destinationRuleDrafts, externalDrafts } from "./services.js";
import { tagDrafts } from "./tags.js";
import { Told } from "./told.js";
import { decideFailStrategy, newerThanChecked, unreadMarks } from "./version.js";
import { ANY_CALLER } from "./workloads.js";

/**
 * @throws MeshwrightError `usage` where nothing says what the filters stand before; `configuration`
 * for a service that a filter calls and nobody has named
 */
export function filterResources(
  input: FiltersInput,
  images: Images,
  existing: readonly LiveResource[],
  options: IstioOptions,
): Rendered {
  const { target } = options;
  if (target === undefined) {
    throw usage("say what the filters stand before: --for SERVICE, or --gateway NAME");
  }
  refuseMisplaced(input, target);
  refuseMissingServices(input, options);
  const mesh = meshAround(input.uses, target, options);
  const told = new Told(() => "");
  const { strategy, warning } = decideFailStrategy(options.minor, options.failStrategy);
  const all = { ...options.grpcServices, ...options.httpServices };
  const own = ownRoutes(input.uses, target, existing, options);
  const context: IstioContext = {
    mesh,
    options,
    images,
    told,
    strategy,
    existing,
    ownsRoutes: false,
    ...(own === undefined ? {} : { ownRoutes: own.routes }),
    labels: labelsOf(mesh.name),
    placeOf: (use) => (use as PlacedUse).placeOf([]),
    called: new Map(Object.entries(all).map(([name, url]) => [name, placeOfUrl(url, name, options)])),
  };
  const warnings = [
    ...(warning === undefined ? [] : [warning]),
    ...newerThanChecked(options.minor),
    ...unreadMarks(options.minor, outlierHeaders(input.uses)),
    ...(own?.problems ?? []).map((line) => `left out: ${line}`),
    ...(target.kind === "gateway" ? gatewayPlaceWarnings(options) : []),
    ...routeWarnings(context, input.uses, target),
  ];
  return { resources: named(draftsOfFilters(input, context, target)), warnings };
}

function draftsOfFilters(input: FiltersInput, context: IstioContext, target: Target): readonly Draft[] {
  const { options } = context;
  const isGateway = target.kind === "gateway";
  const hasRoutes = writesRoutes(input.uses, target, options);
  const hasVersions = target.kind === "service" && input.uses.some(choosesDestinations);
  return [
    ...(hasRoutes ? routeDrafts(context).slice(0, 1) : []),
    ...(hasVersions && !options.omitted.has("DestinationRule")
      ? destinationRuleDrafts(context).filter(({ parts }) => parts[0] === target.name)
      : []),
    ...externalDrafts(context),
    ...listenerFilterDrafts(context),
    ...upstreamDrafts(context).filter(({ parts }) => isGateway === (parts[0] === "")),
    ...appRouteDrafts(context),
    ...(options.omitted.has("ConfigMap")
      ? []
      : tagDrafts(input, context, [isGateway ? options.gateway.namespace : options.namespace])),
  ];
}

/**
 * The routes of a gateway on which filters for some paths run. Those are the operator's own.
 * @throws MeshwrightError `usage` where they are not given, `configuration` where one is for paths
 * on which not the same filters run
 */
function ownRoutes(
  uses: readonly PlacedUse[],
  target: Target,
  existing: readonly LiveResource[],
  { leaveOut }: IstioOptions,
): OwnRoutes | undefined {
  const first = uses.find(({ paths }) => paths !== undefined);
  if (target.kind !== "gateway" || first === undefined) return undefined;
  const own = ownGatewayRoutes(existing, uses);
  const [problem, ...others] = own.problems;
  if (problem !== undefined && !leaveOut) throw new MeshwrightError("configuration", problem, others);
  if (problem === undefined && own.routes.length === 0) {
    throw usage(
      `${first.filter}@${first.paths?.[0]?.prefix}: the gateway's routes are VirtualServices of your own, and filters are enabled on routes by their names: give them with --cluster, as \`kubectl get -A -o yaml virtualservices\` prints them`,
    );
  }
  return own;
}

function refuseMisplaced({ uses }: FiltersInput, target: Target): void {
  const attempts = uses.find((use) => chainOf(use) === "upstream");
  if (target.kind === "gateway" && target.service === undefined && attempts !== undefined) {
    throw usage(
      `${attempts.filter} sees the attempts to one service: say to which, with --for SERVICE beside --gateway`,
    );
  }
  const chooser = uses.find(choosesDestinations);
  if (target.kind === "service" && target.at === "inbound" && chooser !== undefined) {
    throw usage(
      `${chooser.filter} has nothing to choose at "inbound", which leads to the app alone; leave out --at inbound`,
    );
  }
}

function refuseMissingServices({ uses }: FiltersInput, options: IstioOptions): void {
  const services = callableServices(options);
  for (const use of uses) {
    const problems = unnamedServiceProblems(use, services);
    const lines = problems.map(({ path, reason }) => `${use.placeOf(path)}: ${formatPath(path)}: ${reason}`);
    const [first, ...rest] = lines;
    if (first !== undefined) throw new MeshwrightError("configuration", first, rest);
  }
}

/** The smallest mesh in which the filters stand where a person said. */
function meshAround(uses: readonly PlacedUse[], target: Target, options: IstioOptions): Mesh {
  const services = {
    grpcServices: urlsOf(options.grpcServices),
    httpServices: urlsOf(options.httpServices),
  };
  if (target.kind === "gateway") {
    const routes = target.service === undefined ? [] : [{ prefix: "/", service: target.service }];
    return {
      name: "gateway",
      gateway: { routes, filters: uses },
      services: Object.fromEntries(routes.map(({ service }) => [service, withVersions([], options)])),
      ...services,
    } as unknown as Mesh;
  }
  const called = withVersions(uses, options);
  if (target.at === "inbound") {
    return {
      name: target.name,
      gateway: { routes: [] },
      services: { [target.name]: called },
      filters: uses.map((use) => ({ ...use, at: ["inbound"] })),
      ...services,
    } as unknown as Mesh;
  }
  const callers = target.callers.length === 0 ? [ANY_CALLER] : target.callers;
  return {
    name: target.name,
    gateway: { routes: [] },
    services: {
      [target.name]: { ...called, filters: uses },
      ...Object.fromEntries(callers.map((name) => [name, { versions: { v1: {} }, calls: [target.name] }])),
    },
    ...services,
  } as unknown as Mesh;
}

/** The destinations that filters choose are the versions. Without a default, all take the rest. */
function withVersions(uses: readonly FilterUse[], { fallback = "", protocol }: IstioOptions) {
  const chosen = uses.flatMap((use) => destinationPlaces(use).map(({ name }) => name));
  const known = new Set([...chosen, ...(fallback === "" ? [] : [fallback])]);
  // A service has a version, and this one is named nowhere.
  const names = known.size === 0 ? ["v1"] : [...known];
  const versions = Object.fromEntries(names.map((name) => [name, {}]));
  return { versions, default: fallback, ...(protocol === undefined ? {} : { protocol }) };
}

function urlsOf(services: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(services).map(([name, url]) => [name, { url }]));
}

function usage(message: string): MeshwrightError {
  return new MeshwrightError("usage", message);
}
