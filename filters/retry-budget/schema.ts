// What retry-budget's configuration may be. The module's own parser is `config.ts`; a test holds
// both to the same documents.

import { z } from "zod";
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
import { duration, haveNamesOfTheirOwn, inOneModule, ruleSelection } from "../shared/rule-schema.js";

const ratio = z.strictObject({
  percentage: percentage.optional().describe("Retries, in percent of the requests. Default 20."),
  ttl: duration("1s", "1m")
    .optional()
    .describe("The window over which requests and retries are counted. Default 10s."),
  minRetriesPerSecond: whole(0, 100_000)
    .optional()
    .describe("Retries that are always left, so that a service of few requests is retried too. Default 10."),
});

const concurrency = z.strictObject({
  percentage: percentage
    .optional()
    .describe("Retries that may be going on, in percent of the requests that are. Default 20."),
  minRetryConcurrency: whole(0, 100_000)
    .optional()
    .describe("Retries that may always be going on. Default 3."),
});

const PER = ["cluster", "route", "header"] as const;

const per = z
  .strictObject({
    cluster: z.literal(true).optional().describe("One for each cluster."),
    route: z.literal(true).optional().describe("One for each route, by its name."),
    header: testedHeaderName
      .optional()
      .describe("One for each value of this header, such as a caller's name."),
  })
  .refine(exactlyOneOf(PER), `needs exactly one of ${PER.join(", ")}`);

const budget = z
  .strictObject({
    ...ruleSelection,
    per: per.optional().describe("Whose budget it is. Default: the cluster's."),
    ratio: ratio.optional().describe("Retries are at most a share of the requests. The default, as it is."),
    concurrency: concurrency
      .optional()
      .describe("Or retries that are going on are at most a share of the requests that are."),
    methods: z
      .array(method)
      .min(1)
      .max(16)
      .optional()
      .describe(
        "Methods that are retried. Default: the idempotent ones, GET, HEAD, OPTIONS, TRACE, PUT and DELETE, and gRPC calls.",
      ),
    respectDeadline: z
      .boolean()
      .optional()
      .describe("No retry once the time is over that the request gives itself. Default true."),
    respectPushback: z
      .boolean()
      .optional()
      .describe("No retry where the upstream asks for none, or for a later one. Default true."),
    maxRetries: whole(1, 10)
      .optional()
      .describe(
        "With where: downstream, the retries that one request is given at most, whatever number its route names. Default 1.",
      ),
  })
  .refine(atMostOneOf(["ratio", "concurrency"]), "must have at most one of ratio, concurrency");

const answer = z.strictObject({
  status: whole(400, 599).optional().describe("HTTP status. Default 503."),
  body: replyBody.optional().describe("Default: empty."),
});

interface Whereabouts {
  readonly where?: "upstream" | "downstream" | undefined;
  readonly budgets?: readonly { readonly maxRetries?: number | undefined }[] | undefined;
}

/** In a cluster's chain it is the route that says how often the router may try. */
function refuseMaxRetriesUpstream({ where, budgets }: Whereabouts, context: z.RefinementCtx): void {
  if (where === "downstream") return;
  budgets?.forEach((entry, i) => {
    if (entry.maxRetries === undefined) return;
    const path = ["budgets", i, "maxRetries"];
    context.addIssue({ code: "custom", path, message: "needs where: downstream" });
  });
}

export const retryBudgetSchema = z
  .strictObject({
    where: z
      .enum(["upstream", "downstream"])
      .optional()
      .describe(
        "In a cluster's chain, where it sees each attempt; or in a listener's, where it tells the router how often it may retry. Default upstream.",
      ),
    explainHeader: writtenHeaderName
      .optional()
      .describe("Response header that says which budget decided what. Default: none."),
    answer: answer
      .optional()
      .describe("What the client gets where a retry is refused and there is no response to give."),
    retriableStatusCodes: z
      .array(whole(200, 599))
      .min(1)
      .max(64)
      .optional()
      .describe(
        "Statuses that routes retry beside 5xx, 409 and 429, as their retriable_status_codes have them. Default: none.",
      ),
    maxCallers: whole(1, 65_536)
      .optional()
      .describe(
        "Budgets that are kept apart, for each entry, by cluster, route or header; beyond that some share one. Default 1024, by header 16384.",
      ),
    budgets: z
      .array(budget)
      .min(1)
      .max(100)
      .refine(haveNamesOfTheirOwn, "name a budget twice")
      .optional()
      .describe("The first that matches counts the request. Default: one for every request, named default."),
  })
  .superRefine(refuseMaxRetriesUpstream)
  .superRefine(inOneModule)
  .describe("Configuration of the filter retry-budget.");

export type RetryBudgetConfig = z.infer<typeof retryBudgetSchema>;
