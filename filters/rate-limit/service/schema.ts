// What the rate limit service and the rules that ask it may be. The module's own parser is
// `config.ts` in this folder.

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
    .describe("A limit that replaces the one in the service's configuration."),
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
    .describe(`How long to wait for an answer. Default ${shownDuration(DEFAULT_TIMEOUT_MS)}.`),
  failureMode: z
    .enum([ALLOW_FAILURE, DENY_FAILURE, LOCAL_FAILURE])
    .optional()
    .describe(
      `Without an answer the request passes, is refused, or is judged by each rule's fallback. Default ${ALLOW_FAILURE}.`,
    ),
  preCheck: z
    .boolean()
    .optional()
    .describe(
      "Remembers until when a key is over the service's limit, and does not ask about it before that. Default true.",
    ),
});
