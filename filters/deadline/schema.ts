// What deadline's configuration may be. The module's own parser is `config.ts`. A test checks that
// both accept and refuse the same documents.

import { z } from "zod";
import { has, hasKey } from "../shared/json-schema.js";
import { noneOf, writtenHeaderName } from "../shared/match-schema.js";
import {
  duration,
  explainProperty,
  haveNamesOfTheirOwn,
  inOneModule,
  millisecondsOf,
  ruleSelection,
  shownDuration,
} from "../shared/rule-schema.js";
import {
  DEFAULT_HEADER,
  DEFAULT_MAX_MS,
  DEFAULT_RULE,
  DOWNSTREAM,
  GRPC_TIMEOUT_HEADER,
  INBOUND,
  MAX_MARGIN_MS,
  MAX_RULES,
  MAX_TIME_MS,
  MIN_MARGIN_MS,
  MIN_TIME_MS,
  OUTBOUND,
  PER_TRY_TIMEOUT_HEADER,
  ROUTER_TIMEOUT_HEADER,
  UPSTREAM,
} from "./limits.js";

const time = duration(shownDuration(MIN_TIME_MS), shownDuration(MAX_TIME_MS));

const header = z.strictObject({
  name: writtenHeaderName
    .refine(
      noneOf([GRPC_TIMEOUT_HEADER, ROUTER_TIMEOUT_HEADER, PER_TRY_TIMEOUT_HEADER]),
      "must not be a header that this filter writes for another purpose",
    )
    .optional()
    .describe(`Request header with a whole number of milliseconds. Default ${DEFAULT_HEADER}.`),
  trusted: z
    .boolean()
    .optional()
    .describe("Whether it counts if the request has it. Default false: it is replaced or removed."),
});

/** Whether the rule gives no more by itself than it lets others bring. */
function isWithinMax(rule: { readonly default?: string | undefined; readonly max?: string | undefined }) {
  const [own, most] = [millisecondsOf(rule.default ?? ""), millisecondsOf(rule.max ?? "")];
  return own === undefined || most === undefined || own <= most;
}

const rule = z
  .strictObject({
    ...ruleSelection,
    default: time
      .optional()
      .describe("The time of a request that brings no deadline. Default: it gets none."),
    max: time
      .optional()
      .describe(
        `Most time that a request may have, whatever it brings. Default ${shownDuration(DEFAULT_MAX_MS)}, or 'default' if that is longer; with where: upstream ${shownDuration(MAX_TIME_MS)}.`,
      ),
    margin: duration(shownDuration(MIN_MARGIN_MS), shownDuration(MAX_MARGIN_MS))
      .optional()
      .describe(
        `Taken off what a request brings, so that its answer comes while the caller still waits. Default ${shownDuration(MIN_MARGIN_MS)}.`,
      ),
    perTry: time
      .optional()
      .describe("With where: downstream, most time of one attempt. Default: the route's own limit."),
  })
  .refine(isWithinMax, "'default' must not be above 'max'");

interface Whereabouts {
  readonly where?: typeof UPSTREAM | typeof DOWNSTREAM | undefined;
  readonly trace?: unknown;
  readonly rules?: readonly { readonly perTry?: string | undefined }[] | undefined;
}

/** A cluster's chain sees the router's attempts, and neither the router nor the service's calls. */
function refuseDownstreamKeys({ where, trace, rules }: Whereabouts, context: z.RefinementCtx): void {
  if (where !== UPSTREAM) return;
  const message = "needs where: downstream";
  if (trace !== undefined) context.addIssue({ code: "custom", path: ["trace"], message });
  rules?.forEach((entry, i) => {
    if (entry.perTry === undefined) return;
    context.addIssue({ code: "custom", path: ["rules", i, "perTry"], message });
  });
}

export const deadlineSchema = z
  .strictObject({
    where: z
      .enum([DOWNSTREAM, UPSTREAM])
      .optional()
      .describe(
        `In a listener's chain, where it refuses requests that are late and limits the router; or in a cluster's, where it tells each attempt what is left. Default ${DOWNSTREAM}.`,
      ),
    header: header.optional().describe("The header in which services tell each other how much time is left."),
    trace: z
      .enum([INBOUND, OUTBOUND])
      .optional()
      .describe(
        "Carries deadlines through a service that hands on trace headers alone: remembers them before the service, or finds them behind it. Default: neither.",
      ),
    explainHeader: writtenHeaderName
      .optional()
      .describe("Response header that says which rule decided what. Default: none."),
    explainProperty: explainProperty.optional(),
    rules: z
      .array(rule)
      .min(1)
      .max(MAX_RULES)
      .refine(haveNamesOfTheirOwn, "name a rule twice")
      .optional()
      .describe(
        `The first that matches decides. Default: one for every request, named ${DEFAULT_RULE}, without settings.`,
      ),
  })
  .superRefine(refuseDownstreamKeys)
  .superRefine(inOneModule)
  .meta({
    if: has("where", { const: UPSTREAM }),
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: {
      not: hasKey("trace"),
      properties: { rules: { type: "array", items: { not: hasKey("perTry") } } },
    },
  })
  .describe("Configuration of the filter deadline.");

export type DeadlineConfig = z.infer<typeof deadlineSchema>;
