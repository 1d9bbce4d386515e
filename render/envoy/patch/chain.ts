// Filters in a chain that an operator wrote: before its last filter, and after all others. There
// the request has passed jwt_authn, ext_authz, cors and lua, and its route is still open.

import { isDeepStrictEqual } from "node:util";
import type { HttpFilter } from "../../../envoy/config/http-filter.js";
import { type Fields, listAt, type PatchContext, type Path, refuse, typeOf } from "./place.js";

/** A chain's last filter. */
interface Last {
  readonly name: string;
  /** A part of its type. */
  readonly type: string;
}

export const ROUTER: Last = { name: "envoy.filters.http.router", type: ".filters.http.router." };
export const CODEC: Last = {
  name: "envoy.filters.http.upstream_codec",
  type: ".filters.http.upstream_codec.",
};

/**
 * The chain with our filters. One that is there already keeps its place; a new one comes before the
 * next of ours that is there, else before the last filter of the chain.
 */
export function withFilters(
  context: PatchContext,
  chain: unknown,
  path: Path,
  { ours, last }: { readonly ours: readonly HttpFilter[]; readonly last: Last },
): readonly unknown[] {
  const { origins } = context;
  const existing = listAt(context, chain, path);
  const end = existing.findIndex(
    (filter) => filter.name === last.name || typeOf(filter.typed_config).includes(last.type),
  );
  if (end === -1) refuse(context, path, `has no ${last.name}, before which the filters would stand`);
  const items: unknown[] = existing.map((filter, i) => ourVersion(context, filter, ours, [...path, i]));
  for (const [i, filter] of ours.entries()) {
    if (existing.some((each) => each.name === filter.name)) continue;
    const following = ours.slice(i + 1).map(({ name }) => name);
    const next = items.findIndex((each) => following.includes(nameOf(each)));
    const at = next === -1 ? items.findIndex((each) => origins.of(each) === existing[end]) : next;
    items.splice(at, 0, filter);
  }
  return origins.items(existing, items as Fields[]);
}

function ourVersion(context: PatchContext, filter: Fields, ours: readonly HttpFilter[], path: Path): unknown {
  const our = ours.find(({ name }) => name === filter.name);
  if (our === undefined || isDeepStrictEqual(our, filter)) return filter;
  if (filter.config_discovery === undefined && !typeOf(filter.typed_config).includes(".wasm.")) {
    refuse(context, path, `has the name "${our.name}" and is no Wasm filter: give it another name`);
  }
  return context.origins.replaced(filter, our);
}

function nameOf(filter: unknown): string {
  return String((filter as Fields).name);
}
