// The routes of an operator's virtual hosts: filters of some paths are enabled on their routes, and
// a destination that a filter chooses leads to its cluster. A route of which a part differs gets a
// copy for that part before it.

import { isDeepStrictEqual } from "node:util";
import {
  configsAt,
  type NamedEntry,
  type OnPaths,
  pathParts,
  runsAt,
} from "../../../compose/filter-paths.js";
import { type Fields, fieldsAt, listAt, type PatchContext, type Path, refuse, textAt } from "./place.js";

/** A filter that chooses destinations. */
export interface Chooser extends OnPaths {
  /** The header in which it names them. */
  readonly header: string;
}

export interface RoutePlan {
  /** Every filter, of both chains. */
  readonly entries: readonly NamedEntry[];
  readonly choosers: readonly Chooser[];
  /** The clusters of destinations, by name, for requests that a route sends to this cluster. */
  readonly destinationsOf: (cluster: string) => Readonly<Record<string, string>>;
}

export function withRoutes(
  context: PatchContext,
  routes: unknown,
  path: Path,
  plan: RoutePlan,
): readonly unknown[] {
  const existing = listAt(context, routes, path);
  const items = existing.flatMap((route, i) => {
    const made = partsOf(context, route, [...path, i], plan);
    const earlier = existing.slice(0, i).map((each) => each.match);
    return made.filter(
      (each) => each.match === route.match || !earlier.some((match) => isDeepStrictEqual(match, each.match)),
    );
  });
  return context.origins.items(existing, items);
}

/** The route, changed where it must be, and before it its copies. */
function partsOf(context: PatchContext, route: Fields, path: Path, plan: RoutePlan): readonly Fields[] {
  const match = fieldsAt(context, route.match, [...path, "match"]) ?? {};
  const action = fieldsAt(context, route.route, [...path, "route"]);
  const cluster = textAt(context, action?.cluster, [...path, "route", "cluster"]);
  const destinations = cluster === undefined ? {} : plan.destinationsOf(cluster);
  const headers = listAt(context, match.headers, [...path, "match", "headers"]);
  const isChosen = plan.choosers.some(({ header }) => headers.some((each) => each.name === header));
  const parts = pathPartsOf(context, match, [...path, "match"], plan);
  return parts.flatMap((part, i) => {
    const isWhole = i === parts.length - 1;
    if (isChosen && !isWhole) return [];
    const partMatch = isWhole ? match : prefixMatch(match, part);
    const header = isChosen ? undefined : headerAt(plan, part);
    const chosen = Object.entries(header === undefined ? {} : destinations).map(([name, to]) => ({
      ...withConfigs(context, { ...route }, path, plan, part),
      match: { ...partMatch, headers: [...headers, { name: header, string_match: { exact: name } }] },
      route: { ...action, cluster: to },
    }));
    const rest = isWhole ? route : { ...route, match: partMatch };
    return [...chosen, withConfigs(context, rest, path, plan, part)];
  });
}

function headerAt({ choosers }: RoutePlan, part: string): string | undefined {
  return choosers.findLast((each) => runsAt(each, part))?.header;
}

function prefixMatch({ path_separated_prefix: _, ...match }: Fields, prefix: string): Fields {
  return { ...match, prefix };
}

/** The parts of a route's paths, the longest prefix first; the last is the whole. */
function pathPartsOf(context: PatchContext, match: Fields, path: Path, plan: RoutePlan): readonly string[] {
  const all: readonly OnPaths[] = [...plan.entries, ...plan.choosers];
  const exact = textAt(context, match.path, [...path, "path"]);
  if (exact !== undefined) return [exact];
  const separated = textAt(context, match.path_separated_prefix, [...path, "path_separated_prefix"]);
  const prefix = textAt(context, match.prefix, [...path, "prefix"]) ?? separated;
  if (prefix !== undefined) {
    const parts = pathParts(all, prefix);
    if (separated === undefined) return parts;
    return parts.filter((part) => part === separated || part.startsWith(`${separated}/`));
  }
  if (all.every(({ paths }) => paths === undefined)) return ["/"];
  return refuse(
    context,
    path,
    "does not say where its paths begin, so that a filter for some paths cannot be put on it: give it a prefix or a path",
  );
}

/** The route with what our filters need on these paths, and with nothing of an earlier patch. */
function withConfigs(
  context: PatchContext,
  route: Fields,
  path: Path,
  { entries }: RoutePlan,
  part: string,
): Fields {
  const key = "typed_per_filter_config";
  const existing = fieldsAt(context, route[key], [...path, key]) ?? {};
  const ours = entries.map(({ name }) => name);
  const others = Object.fromEntries(Object.entries(existing).filter(([name]) => !ours.includes(name)));
  const configs = { ...others, ...configsAt(entries, part) };
  if (isDeepStrictEqual(configs, existing)) return route;
  const value = route[key] === undefined ? configs : context.origins.replaced(existing, configs);
  return context.origins.changed(route, { [key]: value });
}
