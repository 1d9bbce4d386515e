// Zones in a mesh file: where instances stand, and which of them a caller prefers.

import { z } from "zod";
import type { EndpointPlace } from "../../../envoy/config/endpoints.js";
import { inJsonSchema } from "../../../filters/shared/json-schema.js";
import { whole } from "./numbers.js";

export const zone = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,40}(\/[a-z][a-z0-9-]{0,40})?$/,
    'must be a zone, such as "a", or a region and a zone, such as "eu-west/a"',
  );

const distributionSchema = z.strictObject({
  from: zone.optional().describe("The zone of the callers. Default: callers of every zone."),
  to: z
    .record(zone, whole(1, 100))
    .refine(
      (shares) => Object.values(shares).reduce((sum, share) => sum + share, 0) === 100,
      "must have shares that make 100 in all",
    )
    .refine(
      inJsonSchema((shares: object) => Object.keys(shares).length > 0, { minProperties: 1 }),
      "must name at least one zone",
    )
    .describe("The share of each zone in percent, 100 in all. Zones that are not named get nothing."),
});

export const zonesSchema = z.strictObject({
  distribute: z
    .array(distributionSchema)
    .min(1, "must have at least one distribution")
    .max(100, "must have at most 100 distributions")
    .optional()
    .describe(
      "Shares of zones; the first that fits the caller counts. A caller without one prefers its own zone, and others get its requests when that is down.",
    ),
});

export type Zones = z.output<typeof zonesSchema>;

/** The shares that hold for callers of a zone; undefined where none do. */
function sharesFor({ distribute = [] }: Zones, caller: string | undefined) {
  return distribute.find(({ from }) => from === undefined || from === caller)?.to;
}

/** Whether the zones have shares for callers of this zone. */
export function weighsZones(zones: Zones, caller: string | undefined): boolean {
  return sharesFor(zones, caller) !== undefined;
}

/**
 * Where an instance stands for callers of a zone; undefined where they send it nothing.
 * @param placed the zones of all instances
 */
export function placeFor(
  zones: Zones,
  caller: string | undefined,
  instance: string,
  placed: readonly (string | undefined)[],
): EndpointPlace | undefined {
  const shares = sharesFor(zones, caller);
  if (shares !== undefined) {
    const weight = shares[instance];
    return weight === undefined ? undefined : { zone: instance, weight };
  }
  // Priorities have no gap: where a caller's own zone has no instance, all others come first.
  const hasOwn = caller !== undefined && placed.includes(caller);
  return hasOwn ? { zone: instance, priority: instance === caller ? 0 : 1 } : { zone: instance };
}
