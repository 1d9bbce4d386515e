// What becomes of baggage, as operators write it. It is the twin of `config.ts`.

import { z } from "zod";
import { atMostOneOf, whole } from "../../shared/match-schema.js";
import {
  BAGGAGE_KEY_MARKS,
  MAX_BAGGAGE_KEY,
  MAX_BAGGAGE_KEYS,
  MAX_BAGGAGE_MEMBERS,
  MAX_BAGGAGE_SIZE,
} from "../limits.js";

const keys = z
  .array(
    z
      .string("must be a string")
      .regex(
        new RegExp(`^[A-Za-z0-9${BAGGAGE_KEY_MARKS}]{1,${MAX_BAGGAGE_KEY}}$`),
        `must be a key of baggage: 1 to ${MAX_BAGGAGE_KEY} letters, digits and marks of a token`,
      ),
  )
  .min(1)
  .max(MAX_BAGGAGE_KEYS);

/** Limits of the baggage that is passed on. */
export const baggageSchema = z
  .strictObject({
    maxMembers: whole(0, MAX_BAGGAGE_MEMBERS)
      .optional()
      .describe(`Most members that are passed on; 0 passes none. Default: ${MAX_BAGGAGE_MEMBERS}.`)
      .meta({ default: MAX_BAGGAGE_MEMBERS }),
    maxBytes: whole(0, MAX_BAGGAGE_SIZE)
      .optional()
      .describe(`Most bytes that are passed on; 0 passes none. Default: ${MAX_BAGGAGE_SIZE}.`)
      .meta({ default: MAX_BAGGAGE_SIZE }),
    allow: keys.optional().describe("Only members with these keys are passed on."),
    deny: keys.optional().describe("Members with these keys are not passed on."),
  })
  .refine(atMostOneOf(["allow", "deny"]), "needs at most one of allow, deny");
