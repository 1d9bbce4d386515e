// Filters of Envoy's own in a listener's chain, written as Envoy's configuration writes them.

import { z } from "zod";
import type { FilterConfigs } from "../envoy/config/filter-by-route.js";
import type { InlineFilter } from "../envoy/config/http-filter.js";
import type { Json } from "../envoy/config/json.js";
import { readDocument } from "../envoy/document.js";
import { defineFilter, type FilterDescriptor } from "../filters/descriptor.js";
import type { FilterUse } from "./filter-use.js";

const TYPE_URL = /^type\.googleapis\.com\/[\w.]+$/;

/** A message of any type, as Envoy's fields of the type `Any` take it. */
const anyMessage = z.looseObject({
  "@type": z
    .string()
    .regex(TYPE_URL, 'must be the message\'s type, as in "type.googleapis.com/envoy.extensions…"'),
});

const nativeSchema = z.strictObject({
  name: z
    .string()
    .min(1, "must not be empty")
    .describe("The filter's name in Envoy, such as envoy.filters.http.cors."),
  typed_config: anyMessage.describe("The filter's configuration, with its @type."),
  per_route_config: anyMessage
    .optional()
    .describe("What every route has in typed_per_filter_config for this filter, with its @type."),
});

/** One of Envoy's own filters. */
export type NativeFilter = z.output<typeof nativeSchema>;

/**
 * What stands for such a filter in a mesh file: `{ filter: native, config: … }`. Envoy's routes
 * have a part of its settings, and find that by the filter's name.
 */
export const NATIVE: FilterDescriptor = defineFilter({
  name: "native",
  summary: "One of Envoy's own filters.",
  schema: nativeSchema,
  restartKeys: ({ name, typed_config, per_route_config }) => ({
    name,
    typed_config: { "@type": typed_config["@type"] },
    per_route_config,
  }),
  describe: ({ name }) => [name],
});

/** Whether Envoy itself has the filter, so that there is no module of it. */
export function isNative({ filter }: Pick<FilterUse, "filter">): boolean {
  return filter === NATIVE.name;
}

/** The settings of a use for which `isNative` holds. */
export function nativeOf(use: FilterUse): NativeFilter {
  return use.config as unknown as NativeFilter;
}

export function nativeUse(config: NativeFilter): FilterUse {
  return { filter: NATIVE.name, descriptor: NATIVE, config: config as unknown as Json };
}

/**
 * Those of one Envoy's native filters whose name another one has. Envoy knows what it discovers by
 * its name alone, so these have their settings in the listener, and only a restart changes them.
 */
export function fixedNatives<Use>(uses: readonly Use[], nameOf: (use: Use) => string): ReadonlySet<Use> {
  const firsts = new Map<string, Use>();
  const fixed = new Set<Use>();
  for (const use of uses) {
    const first = firsts.get(nameOf(use)) ?? use;
    firsts.set(nameOf(use), first);
    if (first !== use) fixed.add(first).add(use);
  }
  return fixed;
}

/** The entry of a listener's chain that has the settings. */
export function nativeEntry({ name, typed_config }: NativeFilter): InlineFilter {
  return { name, typed_config };
}

/** What the filters want of every route, by the filters' names. */
export function perRouteConfigs(filters: readonly NativeFilter[]): FilterConfigs {
  return Object.fromEntries(
    filters.flatMap(({ name, per_route_config }) =>
      per_route_config === undefined ? [] : [[name, per_route_config]],
    ),
  );
}

/**
 * Reads a file that has one filter, or a list of them. Throws `MeshwrightError("configuration")`
 * like `readDocument`.
 */
export async function readNativeFilters(file: string): Promise<readonly NativeFilter[]> {
  const what = "file of Envoy's own filters";
  const document = await readDocument(file, z.unknown(), what);
  if (!Array.isArray(document)) return [await readDocument(file, nativeSchema, what)];
  return readDocument(file, z.array(nativeSchema).min(1, "must have at least one filter"), what);
}
