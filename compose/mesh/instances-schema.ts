// How a mesh file says how many instances a version has, and where they stand.

import { z } from "zod";
import { inJsonSchema } from "../../filters/shared/json-schema.js";
import { parseUpstreamUrl } from "../upstream-url.js";
import { whole } from "./policy/numbers.js";
import { zone } from "./policy/zones.js";

/** More would need more processes than a machine has room for. */
const MAX_INSTANCES = 50;

const total = (places: readonly { readonly count?: number | undefined }[]) =>
  places.reduce((sum, { count = 1 }) => sum + count, 0);

/** How many instances of a command run, and where. */
export const instancesSchema = z.union([
  whole(1, MAX_INSTANCES),
  z
    .array(
      z.strictObject({
        zone: zone.describe("The zone in which they stand."),
        count: whole(1, MAX_INSTANCES).optional().describe("How many stand there. Default 1."),
      }),
    )
    .min(1, "must name at least one zone")
    .refine((places) => total(places) <= MAX_INSTANCES, `must be at most ${MAX_INSTANCES} in all`)
    .refine(
      (places) => new Set(places.map((place) => place.zone)).size === places.length,
      "names a zone twice; write one count for it",
    ),
]);

/** @param url the schema of an instance's address */
export function urlsSchema(url: z.ZodType<string>) {
  return z
    .array(
      z.union([url, z.strictObject({ url, zone: zone.optional().describe("The zone in which it stands.") })]),
    )
    .min(1, "must name at least one address")
    .max(MAX_INSTANCES, `must name at most ${MAX_INSTANCES} addresses`)
    .refine(inJsonSchema(areDistinct, { uniqueItems: true }), "names an address twice");
}

function areDistinct(entries: readonly (string | { readonly url: string })[]): boolean {
  const addresses = entries.map((entry) => {
    const parsed = parseUpstreamUrl(typeof entry === "string" ? entry : entry.url);
    return parsed.ok ? `${parsed.value.address}:${parsed.value.port}` : entry;
  });
  return new Set(addresses).size === addresses.length;
}
