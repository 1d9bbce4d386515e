// What retry-budget's configuration may be. The module's own parser is `config.ts`. A test checks
// that both accept and refuse the same documents.

import { z } from "zod";
import { has, hasKey } from "../shared/json-schema.js";
import {
  atMostOneOf,
  exactlyOneOf,
  method,
  percentage,
  testedHeaderName,
  whole,
  writtenHeaderName,
} from "../shared/match-schema.js";
import { replyBody } from "../shared/reply-schema.js";
import {
  duration,
  explainProperty,
  haveNamesOfTheirOwn,
  inOneModule,
  ruleSelection,
  shownDuration,
} from "../shared/rule-schema.js";
import { text } from "../shared/text-schema.js";
import {
  DEFAULT_ANSWER_STATUS,
  DEFAULT_BUDGET,
  DEFAULT_HEADER_VALUES,
  DEFAULT_NAMES,
  DEFAULT_PERCENTAGE,
  DEFAULT_RETRIES,
  DEFAULT_RETRIES_PER_SECOND,
  DEFAULT_RETRY_CONCURRENCY,
  DEFAULT_TTL_MS,
  DOWNSTREAM,
  MAX_ANSWER_STATUS,
  MAX_BUDGETS,
  MAX_CALLERS,
  MAX_CLUSTER_SIZE,
  MAX_LEAST,
  MAX_METHODS,
  MAX_RETRIABLE_STATUS,
  MAX_RETRIABLE_STATUSES,
  MAX_RETRIES,
  MAX_TTL_MS,
  MEASURES,
  MIN_ANSWER_STATUS,
  MIN_RETRIABLE_STATUS,
  MIN_TTL_MS,
  PER,
  UPSTREAM,
} from "./limits.js";

const ratio = z.strictObject({
  percentage: percentage
    .optional()
    .describe(`Retries, in percent of the requests. Default ${DEFAULT_PERCENTAGE}.`),
  ttl: duration(shownDuration(MIN_TTL_MS), shownDuration(MAX_TTL_MS))
    .optional()
    .describe(
      `The window over which requests and retries are counted. Default ${shownDuration(DEFAULT_TTL_MS)}.`,
    ),
  minRetriesPerSecond: whole(0, MAX_LEAST)
    .optional()
    .describe(
      `Retries per second that are always allowed, so that a service with few requests is retried too. Default ${DEFAULT_RETRIES_PER_SECOND}.`,
    ),
});

const concurrency = z.strictObject({
  percentage: percentage
    .optional()
    .describe(
      `Retries that may be active at once, in percent of the active requests. Default ${DEFAULT_PERCENTAGE}.`,
    ),
  minRetryConcurrency: whole(0, MAX_LEAST)
    .optional()
    .describe(`Active retries that are always allowed. Default ${DEFAULT_RETRY_CONCURRENCY}.`),
});

export const clusterName = text(1, MAX_CLUSTER_SIZE);

const per = z
  .strictObject({
    cluster: z
      .union([z.literal(true), clusterName])
      .optional()
      .describe(
        "One budget for each cluster; or the name of the cluster in whose chain the filter stands, which spares each request a question to Envoy.",
      ),
    route: z.literal(true).optional().describe("One budget for each route, by its name."),
    header: testedHeaderName
      .optional()
      .describe("One budget for each value of this header, such as a caller's name."),
  })
  .refine(exactlyOneOf(PER), `needs exactly one of ${PER.join(", ")}`);

const budget = z
  .strictObject({
    ...ruleSelection,
    per: per.optional().describe("What has a budget of its own. Default: each cluster."),
    ratio: ratio
      .optional()
      .describe(
        "Retries are at most a share of the requests. This is the default, with the defaults of its fields.",
      ),
    concurrency: concurrency
      .optional()
      .describe("Alternatively, active retries are at most a share of the active requests."),
    methods: z
      .array(method)
      .min(1)
      .max(MAX_METHODS)
      .optional()
      .describe(
        "Methods that are retried. Default: the idempotent ones, GET, HEAD, OPTIONS, TRACE, PUT and DELETE, and gRPC calls.",
      ),
    respectDeadline: z
      .boolean()
      .optional()
      .describe("No retry once the request's own deadline has passed. Default true."),
    respectPushback: z
      .boolean()
      .optional()
      .describe("No retry if the upstream asks for none, or for a later one. Default true."),
    maxRetries: whole(1, MAX_RETRIES)
      .optional()
      .describe(
        `With where: downstream, the most retries of one request, whatever number its route has. Default ${DEFAULT_RETRIES}.`,
      ),
  })
  .refine(atMostOneOf(MEASURES), `must have at most one of ${MEASURES.join(", ")}`);

const answer = z.strictObject({
  status: whole(MIN_ANSWER_STATUS, MAX_ANSWER_STATUS)
    .optional()
    .describe(`HTTP status. Default ${DEFAULT_ANSWER_STATUS}.`),
  body: replyBody.optional().describe("Default: empty."),
});

interface Whereabouts {
  readonly where?: typeof UPSTREAM | typeof DOWNSTREAM | undefined;
  readonly budgets?: readonly { readonly maxRetries?: number | undefined }[] | undefined;
}

/** In a cluster's chain the route says how often the router may try. */
function refuseMaxRetriesUpstream({ where, budgets }: Whereabouts, context: z.RefinementCtx): void {
  if (where === DOWNSTREAM) return;
  budgets?.forEach((entry, i) => {
    if (entry.maxRetries === undefined) return;
    const path = ["budgets", i, "maxRetries"];
    context.addIssue({ code: "custom", path, message: "needs where: downstream" });
  });
}

export const retryBudgetSchema = z
  .strictObject({
    where: z
      .enum([UPSTREAM, DOWNSTREAM])
      .optional()
      .describe(
        `In a cluster's chain, where it sees each attempt; or in a listener's, where it tells the router how often it may retry. Default ${UPSTREAM}.`,
      ),
    explainHeader: writtenHeaderName
      .optional()
      .describe("Response header that says which budget decided what. Default: none."),
    explainProperty: explainProperty.optional(),
    answer: answer
      .optional()
      .describe("What the client gets if a retry is refused and there is no response to pass on."),
    retriableStatusCodes: z
      .array(whole(MIN_RETRIABLE_STATUS, MAX_RETRIABLE_STATUS))
      .min(1)
      .max(MAX_RETRIABLE_STATUSES)
      .optional()
      .describe(
        "Statuses that routes retry beside 5xx, 409 and 429, as in their retriable_status_codes. Default: none.",
      ),
    maxCallers: whole(1, MAX_CALLERS)
      .optional()
      .describe(
        `Clusters, routes or header values that have budgets of their own, for each entry; beyond that number some share one. Default ${DEFAULT_NAMES}, by header ${DEFAULT_HEADER_VALUES}.`,
      ),
    budgets: z
      .array(budget)
      .min(1)
      .max(MAX_BUDGETS)
      .refine(haveNamesOfTheirOwn, "name a budget twice")
      .optional()
      .describe(
        `The first that matches counts the request. Default: one for every request, named ${DEFAULT_BUDGET}.`,
      ),
  })
  .superRefine(refuseMaxRetriesUpstream)
  .superRefine(inOneModule)
  .meta({
    if: { not: has("where", { const: DOWNSTREAM }) },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { budgets: { type: "array", items: { not: hasKey("maxRetries") } } } },
  })
  .describe("Configuration of the filter retry-budget.");

export type RetryBudgetConfig = z.infer<typeof retryBudgetSchema>;
