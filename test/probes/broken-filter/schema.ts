// The schema of the broken filter's configuration.

import { z } from "zod";
import { text } from "../../../filters/shared/match-schema.js";

export const FLAWS = [
  "none",
  "traps",
  "trusts-host",
  "trusts-size",
  "leaks-streams",
  "leaks-configurations",
  "global-tag",
  "forgets-itself",
  "remembers-stream",
  "mixes-streams",
  "any-key",
  "refuses-silently",
  "unlisted-metric",
  "uncounted-metric",
  "client-metric",
  "logs-headers",
  "injects-header",
  "wrong-type",
  "client-data",
  "counts-workers",
  "hides-need",
  "takes-anything",
] as const;

export type Flaw = (typeof FLAWS)[number];

export const brokenFilterSchema = z.strictObject({
  flaw: z.enum(FLAWS).describe("What is wrong with the filter."),
  tag: text(0, 8).optional().describe("The text that it writes into responses. Default: none."),
});
