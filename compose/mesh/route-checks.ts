// The rules for `routes` of filters in a mesh file: each route exists, and no request meets two
// settings of one filter.

import { listed, nearest, type Problem } from "../../envoy/problems.js";
import { chainOf } from "../chains.js";
import { firstCommonPath, type OnPaths } from "../filter-paths.js";
import { isNative, nativeOf } from "../native-filters.js";
import { type GatewayRoute, type MeshUse, onItsPaths, type RouteRule, routeName } from "./filter-routes.js";
import { type ListedUse, placed } from "./listed-use.js";
import type { Mesh } from "./shape.js";

/** A list of filters in the file. */
interface List {
  readonly path: readonly PropertyKey[];
  readonly uses: readonly ListedUse<MeshUse>[];
  /** Whether a filter of the list stands at the gateway, and nowhere else. */
  readonly isAtGateway: (use: MeshUse) => boolean;
  /** Whether two filters of the list have a place in common. */
  readonly areTogether: (one: MeshUse, other: MeshUse) => boolean;
}

/** The problems of all filters' routes, and of the names by which they may mean the gateway's. */
export function filterRoutesProblems(mesh: Mesh): Problem[] {
  const { routes } = mesh.gateway;
  const mergesSlashes = mesh.listeners?.mergeSlashes ?? true;
  return [
    ...nameProblems(routes),
    ...lists(mesh).flatMap(({ path, uses, isAtGateway, areTogether }) => [
      ...uses.flatMap(({ use, i }) => {
        const gateway = isAtGateway(use) ? routes : undefined;
        return below([...path, i], routesProblems(use, { gateway, mergesSlashes }));
      }),
      ...below(path, overlapProblems(uses, routes, areTogether)),
    ]),
  ];
}

function lists(mesh: Mesh): readonly List[] {
  const always = () => true;
  const placesOf = (use: MeshUse) => ("at" in use ? (use.at as readonly string[]) : []);
  return [
    {
      path: ["gateway", "filters"],
      uses: placed(mesh.gateway.filters),
      isAtGateway: always,
      areTogether: always,
    },
    {
      path: ["filters"],
      uses: placed(mesh.filters),
      isAtGateway: (use) => placesOf(use).every((place) => place === "gateway"),
      areTogether: (one, other) => placesOf(one).some((place) => placesOf(other).includes(place)),
    },
    ...Object.entries(mesh.services).map(([name, { filters }]) => ({
      path: ["services", name, "filters"],
      uses: placed(filters),
      isAtGateway: () => false,
      areTogether: always,
    })),
  ];
}

function below(path: readonly PropertyKey[], problems: readonly Problem[]): Problem[] {
  return problems.map((problem) => ({ ...problem, path: [...path, ...problem.path] }));
}

/** A name that a person gives to a route must not mean another one too. */
function nameProblems(routes: readonly GatewayRoute[]): Problem[] {
  const firsts = new Map<string, number>();
  const services = new Set(routes.filter(({ name }) => name === undefined).map(({ service }) => service));
  return routes.flatMap(({ name, service }, i) => {
    if (name === undefined) return [];
    const first = firsts.get(name);
    const path = ["gateway", "routes", i, "name"];
    if (first !== undefined) return [{ path, reason: `is the name of routes[${first}] too` }];
    firsts.set(name, i);
    if (name === service || !services.has(name)) return [];
    return [{ path, reason: `is the name of the route to the service "${name}", which has no other name` }];
  });
}

/** Where a filter stands, as far as its routes depend on it. */
interface RoutesPlace {
  /** The gateway's routes; undefined where it does not stand at the gateway alone. */
  readonly gateway: readonly GatewayRoute[] | undefined;
  readonly mergesSlashes: boolean;
}

/** What is wrong with a filter's routes, each problem with its place in the filter. */
function routesProblems({ routes = [] }: MeshUse, place: RoutesPlace): Problem[] {
  const firsts = new Map<string, number>();
  return routes.flatMap((rule, i) => {
    const key = rule.prefix === undefined ? "name" : "prefix";
    const prefixes = prefixesOf(rule, place.gateway);
    const twice = prefixes.find((prefix) => firsts.has(prefix));
    for (const prefix of prefixes) firsts.set(prefix, firsts.get(prefix) ?? i);
    const reason =
      twice === undefined
        ? ruleProblem(rule, place)
        : `means "${twice}", as routes[${firsts.get(twice)}] does`;
    return reason === undefined ? [] : [{ path: ["routes", i, key], reason }];
  });
}

function prefixesOf({ prefix, name }: RouteRule, gateway: readonly GatewayRoute[] = []): readonly string[] {
  if (prefix !== undefined) return [prefix];
  return gateway.filter((route) => routeName(route) === name).map((route) => route.prefix);
}

function ruleProblem({ prefix, name }: RouteRule, { gateway, mergesSlashes }: RoutesPlace) {
  if (prefix !== undefined) {
    if (mergesSlashes && prefix.includes("//")) return 'has "//", and listeners make one slash of it before';
    return gateway === undefined ? undefined : unroutedPrefix(prefix, gateway);
  }
  if (gateway === undefined) return "is for a filter at the gateway alone; give a prefix here";
  return name === undefined ? undefined : unknownRoute(name, [...new Set(gateway.map(routeName))]);
}

function unroutedPrefix(prefix: string, gateway: readonly GatewayRoute[]): string | undefined {
  if (gateway.some((route) => route.prefix.startsWith(prefix) || prefix.startsWith(route.prefix)))
    return undefined;
  return `no route of the gateway takes such a path; there is ${listed(gateway.map((route) => route.prefix))}`;
}

function unknownRoute(name: string, names: readonly string[]): string | undefined {
  if (names.includes(name)) return undefined;
  const near = nearest(name, names);
  const help = near === undefined ? `there is ${listed(names)}` : `did you mean "${near}"?`;
  return `there is no route "${name}" at the gateway; ${help}`;
}

/**
 * A problem for each filter by route that runs on a request for which an earlier filter of the list
 * has other settings. Filters without routes may be there twice, as in Envoy.
 */
function overlapProblems(
  uses: readonly ListedUse<MeshUse>[],
  gateway: readonly GatewayRoute[],
  areTogether: List["areTogether"],
): Problem[] {
  return uses.flatMap(({ use, i }, index) => {
    const paths = onItsPaths(use, gateway);
    return uses.slice(0, index).flatMap((earlier) => {
      const isByRoute = use.routes !== undefined || earlier.use.routes !== undefined;
      if (!isByRoute || !isSame(use, earlier.use) || !areTogether(use, earlier.use)) return [];
      return overlap({ paths, use, i }, { paths: onItsPaths(earlier.use, gateway), ...earlier });
    });
  });
}

interface Scoped extends ListedUse<MeshUse> {
  readonly paths: OnPaths;
}

function overlap(later: Scoped, earlier: Scoped): Problem[] {
  if (isNative(later.use)) {
    const reason = `is the name of filters[${earlier.i}] too; filters by route are told apart by their names`;
    return [{ path: [later.i, "config", "name"], reason }];
  }
  const common = firstCommonPath(later.paths, earlier.paths);
  if (common === undefined) return [];
  const reason = `on "${common}" filters[${earlier.i}] has other settings of ${later.use.filter}; ${remedy(earlier, later, common)}`;
  return [{ path: [later.i, ...(later.use.routes === undefined ? [] : ["routes"])], reason }];
}

function remedy(earlier: Scoped, later: Scoped, common: string): string {
  const isNamed = ({ use }: Scoped) => use.routes?.some(({ prefix }) => prefix === common);
  if (isNamed(earlier) && isNamed(later)) return "keep it in one of the two";
  const off = `{ prefix: "${common}", disabled: true }`;
  const everywhere = [earlier, later].find(({ use }) => use.routes === undefined);
  if (everywhere === undefined) return `add ${off} to the routes of one of them`;
  return `give filters[${everywhere.i}] routes: [{ prefix: / }, ${off}]`;
}

function isSame(one: MeshUse, other: MeshUse): boolean {
  if (isNative(one) && isNative(other)) return nativeOf(one).name === nativeOf(other).name;
  return one.filter === other.filter && chainOf(one) === chainOf(other);
}
