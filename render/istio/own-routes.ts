// The routes of a gateway that are the operator's own: on which of them filters for some paths run.

import { z } from "zod";
import { type OnPaths, pathParts, runsAt } from "../../compose/filter-paths.js";
import type { LiveResource } from "../diff/live.js";
import { meansHost } from "./existing.js";
import type { PartRoute } from "./part-route.js";

const uri = z.looseObject({
  exact: z.string().optional(),
  prefix: z.string().optional(),
  regex: z.string().optional(),
});
const httpRoute = z.looseObject({
  name: z.string().optional(),
  match: z.array(z.looseObject({ uri: uri.optional() })).optional(),
});
const virtualService = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
  spec: z.looseObject({
    hosts: z.array(z.string()).optional(),
    gateways: z.array(z.string()).optional(),
    http: z.array(httpRoute).optional(),
  }),
});

type HttpRoute = z.output<typeof httpRoute>;
type Match = NonNullable<HttpRoute["match"]>[number];

/** What the operator's routes are to filters by route. */
export interface OwnRoutes {
  readonly routes: readonly PartRoute[];
  /** What the operator must change so that a route is for paths on which the same filters run. */
  readonly problems: readonly string[];
}

/** The gateways' routes in VirtualServices that exist. */
export function ownGatewayRoutes(live: readonly LiveResource[], uses: readonly OnPaths[]): OwnRoutes {
  const routes: PartRoute[] = [];
  const problems: string[] = [];
  for (const each of live) {
    const read = each.kind === "VirtualService" ? virtualService.safeParse(each) : undefined;
    if (!read?.success || !isOfGateway(read.data.spec.gateways)) continue;
    const { metadata, spec } = read.data;
    const owner = shown(metadata);
    for (const [i, route] of (spec.http ?? []).entries()) {
      const found = decide(route, (spec.http ?? []).slice(0, i), uses);
      const where = `${owner}: spec.http[${i}]`;
      if (typeof found === "string") problems.push(`${where} ${found}`);
      else if (found.runs && route.name === undefined) {
        problems.push(`${where} has no name, by which filters are enabled on it: give it one`);
      } else if (route.name !== undefined) {
        routes.push({ service: undefined, part: found.part, name: route.name, route: {} });
      }
    }
  }
  return { routes, problems: [...problems, ...ambiguous(routes, uses)] };
}

function shown({ namespace = "default", name }: LiveResource["metadata"]): string {
  return `VirtualService ${namespace}/${name}`;
}

/** The VirtualService by which sidecars call a host. */
export function virtualServiceOf(
  host: string,
  namespace: string,
  live: readonly LiveResource[],
): string | undefined {
  const found = live.find((each) => {
    const read = each.kind === "VirtualService" ? virtualService.safeParse(each) : undefined;
    if (!read?.success) return false;
    const { metadata, spec } = read.data;
    const isOfMesh = spec.gateways === undefined || spec.gateways.includes("mesh");
    return isOfMesh && spec.hosts?.some((each) => meansHost(each, metadata.namespace ?? namespace, host));
  });
  return found && shown(found.metadata);
}

function isOfGateway(gateways: readonly string[] = []): boolean {
  return gateways.some((name) => name !== "mesh");
}

/** A part of the paths that stands for all of the route's; or what is wrong with the route. */
function decide(
  { match }: HttpRoute,
  earlier: readonly HttpRoute[],
  uses: readonly OnPaths[],
): { readonly part: string; readonly runs: boolean } | string {
  const matches: readonly Match[] = match === undefined || match.length === 0 ? [{}] : match;
  const regex = matches.find((each) => each.uri?.regex !== undefined)?.uri?.regex;
  if (regex !== undefined) {
    return `matches paths by the regular expression ${regex}, of which nothing says which filters run there: match a prefix`;
  }
  const parts = matches.flatMap((each) => partsOf(each, earlier, uses));
  const running = (part: string) => uses.map((use) => runsAt(use, part)).join();
  const [first = "/", ...others] = parts;
  const other = others.find((part) => running(part) !== running(first));
  if (other !== undefined) {
    const [longer, shorter] = other.length > first.length ? [other, first] : [first, other];
    return `has paths on which other filters run than on its other ones: put a route for ${longer} before it, as it is for ${shorter}`;
  }
  return { part: first, runs: uses.some((use) => use.paths !== undefined && runsAt(use, first)) };
}

function partsOf(
  { uri: { exact, prefix = "/" } = {} }: Match,
  earlier: readonly HttpRoute[],
  uses: readonly OnPaths[],
): readonly string[] {
  if (exact !== undefined) return [exact];
  const taken = earlier.flatMap(({ match = [] }) => match.flatMap(wholePrefix));
  return pathParts(uses, prefix).filter(
    (part) => part === prefix || !taken.some((other) => part.startsWith(other)),
  );
}

/** The prefix of which a match takes every request. */
function wholePrefix(match: Match): readonly string[] {
  const { prefix } = match.uri ?? {};
  return prefix !== undefined && Object.keys(match).length === 1 ? [prefix] : [];
}

/** Filters are enabled by the names of routes, which nothing else tells apart. */
function ambiguous(routes: readonly PartRoute[], uses: readonly OnPaths[]): readonly string[] {
  const running = ({ part }: PartRoute) => uses.map((use) => runsAt(use, part)).join();
  return routes.flatMap((route, i) => {
    const twin = routes.slice(0, i).find(({ name }) => name === route.name);
    return twin === undefined || running(twin) === running(route)
      ? []
      : [
          `two routes are called ${route.name}, and other filters run on ${route.part} than on ${twin.part}: give one another name`,
        ];
  });
}
