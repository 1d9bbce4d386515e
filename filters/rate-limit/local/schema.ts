// What a limit of this Envoy may be. The module's own parser is `config.ts` in this folder.

import { z } from "zod";
import { whole } from "../../shared/match-schema.js";
import {
  DAY,
  DEFAULT_KEYS,
  HOUR,
  LEASES_OF_BURST,
  MAX_KEYS,
  MAX_LIMIT,
  MAX_REFILL_SECONDS,
  MIN_LEASED_BURST,
  MINUTE,
  SECOND,
  SECONDS_OF_DAY,
  SECONDS_OF_HOUR,
  SECONDS_OF_MINUTE,
} from "../limits.js";

const UNIT_SECONDS = {
  [SECOND]: 1,
  [MINUTE]: SECONDS_OF_MINUTE,
  [HOUR]: SECONDS_OF_HOUR,
  [DAY]: SECONDS_OF_DAY,
} as const;
/** The unit of a limit. */
export const unit = z.enum([SECOND, MINUTE, HOUR, DAY]);

/** A limit of this Envoy. */
export const local = z
  .strictObject({
    limit: whole(1, MAX_LIMIT).describe("Requests in a unit."),
    unit: unit.describe("The unit of the limit."),
    burst: whole(1, MAX_LIMIT)
      .optional()
      .describe("Requests that may come at once after a pause. Default: the limit."),
    keys: whole(1, MAX_KEYS)
      .optional()
      .describe(`Keys that may be active at once, about 70 bytes of memory each. Default ${DEFAULT_KEYS}.`),
    lease: z
      .boolean()
      .optional()
      .describe(
        `Each worker holds up to 1/${LEASES_OF_BURST} of a key's burst and asks the others less often. Needs a burst of at least ${MIN_LEASED_BURST}. Default false.`,
      ),
  })
  .refine(({ limit, unit, burst = 0 }) => burst <= (MAX_REFILL_SECONDS / UNIT_SECONDS[unit]) * limit, {
    path: ["burst"],
    message: "must be full again within ten years",
  })
  .refine(({ limit, burst = limit, lease }) => lease !== true || burst >= MIN_LEASED_BURST, {
    path: ["lease"],
    message: `needs a burst of at least ${MIN_LEASED_BURST}`,
  });
