// What a limit of requests in flight may be. The module's own parser is `config.ts` in this folder.

import { z } from "zod";
import { whole } from "../../shared/match-schema.js";
import { duration, shownDuration } from "../../shared/rule-schema.js";
import {
  DEFAULT_KEYS,
  DEFAULT_LEASE_MS,
  MAX_CONCURRENCY,
  MAX_KEYS,
  MAX_LEASE_MS,
  MIN_LEASE_MS,
} from "../limits.js";

/** A limit of requests in flight. */
export const concurrency = z.strictObject({
  limit: whole(1, MAX_CONCURRENCY).describe("Requests of a key that may be in flight at once."),
  lease: duration(shownDuration(MIN_LEASE_MS), shownDuration(MAX_LEASE_MS))
    .optional()
    .describe(
      `How long the requests of a worker count after its VM has ended without a word. Default ${shownDuration(DEFAULT_LEASE_MS)}.`,
    ),
  keys: whole(1, MAX_KEYS)
    .optional()
    .describe(
      `Keys that may be in flight at once, about 100 bytes of memory each; one counts in each worker. Default ${DEFAULT_KEYS}.`,
    ),
});
