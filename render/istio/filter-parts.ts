// What every resource for a filter needs: its image, its settings with Istio's names for clusters,
// and its name in Envoy.

import type { OnPaths } from "../../compose/filter-paths.js";
import type { FilterUse } from "../../compose/filter-use.js";
import type { Json } from "../../envoy/config/json.js";
import type { FilterImage } from "../input.js";
import type { Draft, IstioContext } from "./context.js";
import { type Failure, type FetchedFilter, filterId } from "./extension.js";
import { clusterName } from "./hosts.js";

/** An EnvoyFilter, and which of its filters stand before an app on some paths. */
export interface ChainDraft extends Draft {
  readonly beforeApp: readonly AppFilter[];
}

/** A filter before an app, which some of its paths have. */
export interface AppFilter extends OnPaths {
  /** Its name in Envoy. @param resource the name of the EnvoyFilter */
  readonly idOf: (resource: string) => string;
}

/** The filter where only some paths have it. */
export function appFilter(use: FilterUse, index: number, namespace: string): readonly AppFilter[] {
  if (use.paths === undefined) return [];
  return [{ paths: use.paths, idOf: (name) => filterId({ name, namespace }, index, use.filter) }];
}

export function failureOf({ strategy, options }: IstioContext): Failure {
  return { strategy, minor: options.minor };
}

/** A filter, and what every resource for it needs. */
export function fetched(context: IstioContext, use: FilterUse): FetchedFilter {
  return {
    use,
    config: configOf(context, use),
    image: imageOf(context, use),
    place: context.placeOf(use),
  };
}

function imageOf({ images }: IstioContext, { filter }: FilterUse): FilterImage {
  const image = images.get(filter);
  if (image === undefined) throw new Error(`no image was found for ${filter}`);
  return image;
}

/** The settings with Istio's names for the clusters that the filter calls. */
function configOf({ called }: Pick<IstioContext, "called">, { descriptor, config }: FilterUse): Json {
  const places = [...(descriptor.grpcServices?.(config) ?? []), ...(descriptor.httpServices?.(config) ?? [])];
  return places.reduce<Json>((changed, { name, path }) => {
    const place = called.get(name);
    return place === undefined ? changed : withValue(changed, path, clusterName(place));
  }, config);
}

function withValue(value: Json, [key, ...rest]: readonly PropertyKey[], leaf: string): Json {
  if (key === undefined) return leaf;
  if (Array.isArray(value)) {
    return value.map((item, i) => (i === Number(key) ? withValue(item, rest, leaf) : item));
  }
  const entries = Object.entries((value ?? {}) as Readonly<Record<string, Json>>);
  return Object.fromEntries(
    entries.map(([name, below]) => [name, name === String(key) ? withValue(below, rest, leaf) : below]),
  );
}
