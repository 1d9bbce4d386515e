// What the rate limit service and the rules that ask it may be. The module's own parser is
// `config.ts` of this room.

import { z } from "zod";
import { text, whole } from "../../shared/match-schema.js";
import { duration, shownDuration } from "../../shared/rule-schema.js";
import {
  ALLOW_FAILURE,
  DEFAULT_TIMEOUT_MS,
  DENY_FAILURE,
  LOCAL_FAILURE,
  MAX_LIMIT,
  MAX_NAME_SIZE,
  MAX_TIMEOUT_MS,
  MIN_TIMEOUT_MS,
} from "../limits.js";
import { local, unit } from "../local/schema.js";

/** What a rule asks the service. */
export const global = z.strictObject({
  limitOverride: z
    .strictObject({
      limit: whole(1, MAX_LIMIT).describe("Requests in a unit."),
      unit: unit.describe("The unit."),
    })
    .optional()
    .describe("A limit in place of the one that the service is configured with."),
  fallback: local
    .optional()
    .describe("The limit of this Envoy while the service does not answer, in failureMode local."),
});

/** The service of a plugin. */
export const service = z.strictObject({
  cluster: text(1, MAX_NAME_SIZE).describe(
    "The cluster of the rate limit service in Envoy's configuration; it speaks HTTP/2.",
  ),
  domain: text(1, MAX_NAME_SIZE).describe("The domain in the service's configuration."),
  timeout: duration(shownDuration(MIN_TIMEOUT_MS), shownDuration(MAX_TIMEOUT_MS))
    .optional()
    .describe(`For an answer. Default ${shownDuration(DEFAULT_TIMEOUT_MS)}.`),
  failureMode: z
    .enum([ALLOW_FAILURE, DENY_FAILURE, LOCAL_FAILURE])
    .optional()
    .describe(
      `Without an answer let the request pass, refuse it, or judge by each rule's fallback. Default ${ALLOW_FAILURE}.`,
    ),
  preCheck: z
    .boolean()
    .optional()
    .describe(
      "Remembers until when the service has a key over its limit, and asks no more until then. Default true.",
    ),
});
