// What fault-injection's configuration may be. The module's own parser is `config.ts`; a test holds
// both to the same documents.

import { z } from "zod";
import {
  atLeastOneOf,
  atMostOneOf,
  exactlyOneOf,
  matchSchema,
  percentage,
  replyHeaderName,
  whole,
  writtenHeaderName,
} from "../shared/match-schema.js";
import { contentType, headerValue, replyBody } from "../shared/reply-schema.js";
import {
  duration,
  haveNamesOfTheirOwn,
  inOneModule,
  label,
  millisecondsOf,
  ruleSelection,
} from "../shared/rule-schema.js";

/** The longest delay: an hour. */
const delayTime = duration("0ms", "1h");
const spread = duration("1ms", "1h");

const DISTRIBUTIONS = ["fixed", "uniform", "normal", "exponential", "logNormal", "percentiles"] as const;

const delay = z
  .strictObject({
    fixed: delayTime.optional().describe("This long."),
    uniform: z
      .strictObject({ min: delayTime.describe("Shortest."), max: delayTime.describe("Longest.") })
      .refine(
        (range) => (millisecondsOf(range.min) ?? 0) <= (millisecondsOf(range.max) ?? 0),
        "'min' must not be above 'max'",
      )
      .optional()
      .describe("Each length between the two as likely as the next."),
    normal: z
      .strictObject({ mean: delayTime.describe("Mean."), deviation: spread.describe("Standard deviation.") })
      .optional()
      .describe("The bell curve; below 0 counts as 0."),
    exponential: z
      .strictObject({ mean: spread.describe("Mean.") })
      .optional()
      .describe("Many short, few long, as the time until the next of independent events."),
    logNormal: z
      .strictObject({
        median: spread.describe("Half are shorter."),
        sigma: z
          .number()
          .min(0.01, "must be from 0.01 to 5")
          .max(5, "must be from 0.01 to 5")
          .describe("Standard deviation of the logarithm: 0.5 is narrow, 2 has a long tail."),
      })
      .optional()
      .describe("As the latency of most services."),
    percentiles: z
      .array(
        z.strictObject({
          percentile: z
            .number()
            .min(0, "must be from 0 to 100")
            .max(100, "must be from 0 to 100")
            .describe("That many of a hundred are not longer."),
          delay: delayTime.describe("This long."),
        }),
      )
      .min(2)
      .max(32)
      .refine(
        (list) => list[0]?.percentile === 0 && list.at(-1)?.percentile === 100,
        "must begin with percentile 0 and end with 100",
      )
      .refine(
        (list) =>
          list.every((entry, i) => {
            const before = list[i - 1];
            return (
              before === undefined ||
              (before.percentile < entry.percentile &&
                (millisecondsOf(before.delay) ?? 0) <= (millisecondsOf(entry.delay) ?? 0))
            );
          }),
        "must rise from entry to entry",
      )
      .optional()
      .describe("As measured: between two entries the length rises in a straight line."),
    max: spread.optional().describe("No longer than this, whatever is drawn. Default 1h."),
  })
  .refine(exactlyOneOf(DISTRIBUTIONS), `needs exactly one of ${DISTRIBUTIONS.join(", ")}`);

const status = whole(200, 599);

const abort = z
  .strictObject({
    status: status.optional().describe("HTTP status of the answer."),
    grpcStatus: whole(1, 16)
      .optional()
      .describe("Status of the answer to a gRPC call; other clients get the HTTP status that belongs to it."),
    body: replyBody
      .optional()
      .describe("Body of the answer, or the message of a gRPC status. Default: empty."),
    headers: z
      .array(
        z.strictObject({
          name: replyHeaderName.describe("The header's name, lower case."),
          value: headerValue.describe("Its value."),
        }),
      )
      .max(32)
      .optional()
      .describe("Headers of the answer."),
    contentType: contentType.optional().describe("Type of the body. Default text/plain."),
  })
  .refine(exactlyOneOf(["status", "grpcStatus"]), "needs exactly one of status, grpcStatus")
  .refine((value) => !value.body || (value.status !== 204 && value.status !== 304), {
    path: ["body"],
    error: "must be empty: a response of that status has no body",
  });

const blackHole = z.strictObject({
  limit: duration("1ms", "24h")
    .optional()
    .describe("Then the answer is 504. Default: no limit but the client's and the route's."),
});

const RESPONSE_FAULTS = ["status", "truncateAfter", "bytesPerSecond"] as const;

const response = z
  .strictObject({
    status: status.optional().describe("Replaces the status; headers and body stay."),
    truncateAfter: whole(0, 1_073_741_824)
      .optional()
      .describe("Bytes of the body that arrive; then the response ends as if that were all."),
    bytesPerSecond: whole(1, 1_073_741_824).optional().describe("The body comes no faster than this."),
  })
  .refine(atLeastOneOf(RESPONSE_FAULTS), `needs at least one of ${RESPONSE_FAULTS.join(", ")}`);

const activeLimit = whole(1, 1_000_000);

const rfc3339 = z.iso.datetime({ offset: true });
const instant = z
  .string()
  .max(40, "must be at most 40 characters long")
  .refine((value) => rfc3339.safeParse(value).success, "must be a time such as 2026-11-21T18:00:00Z")
  .meta({ format: "date-time" });

const FAULTS = ["delay", "abort", "blackHole", "response"] as const;

const rule = z
  .strictObject({
    ...ruleSelection,
    from: instant.optional().describe("Not before this time. Default: at once."),
    until: instant.optional().describe("Not from this time on. Default: for ever."),
    maxActive: activeLimit
      .optional()
      .describe("Faults of this rule that may be going on at once, over all workers. Default: no limit."),
    delay: delay.optional().describe("The request waits before it goes on, or before it is aborted."),
    abort: abort.optional().describe("The request is answered here."),
    blackHole: blackHole.optional().describe("The request is never answered."),
    response: response.optional().describe("The response is spoilt."),
  })
  .refine(atLeastOneOf(FAULTS), `needs at least one of ${FAULTS.join(", ")}`)
  .refine(
    atMostOneOf(["abort", "blackHole", "response"]),
    "must have at most one of abort, blackHole, response",
  )
  .refine(
    (value) =>
      value.from === undefined ||
      value.until === undefined ||
      Date.parse(value.from) < Date.parse(value.until),
    "'from' must be before 'until'",
  );

/** What clients ask with, where the configuration has no other names. */
const CLIENT_HEADERS = {
  delayHeader: "x-envoy-fault-delay-request",
  abortHeader: "x-envoy-fault-abort-request",
  grpcAbortHeader: "x-envoy-fault-abort-grpc-request",
  percentageHeader: "x-envoy-fault-percentage",
} as const;

const clientFaults = z
  .strictObject({
    name: label.optional().describe("The rule's name in metrics. Default client."),
    match: matchSchema.optional().describe("Who may ask for faults. Default: everybody."),
    delayHeader: writtenHeaderName
      .optional()
      .describe("Milliseconds to wait. Default x-envoy-fault-delay-request."),
    abortHeader: writtenHeaderName
      .optional()
      .describe("HTTP status to answer with. Default x-envoy-fault-abort-request."),
    grpcAbortHeader: writtenHeaderName
      .optional()
      .describe("gRPC status to answer with. Default x-envoy-fault-abort-grpc-request."),
    percentageHeader: writtenHeaderName
      .optional()
      .describe("Percentage of the requests, for delay and abort alike. Default x-envoy-fault-percentage."),
    maxDelay: delayTime.optional().describe("Longer ones are cut down to this. Default 10s."),
    maxPercentage: percentage.optional().describe("Larger ones are cut down to this. Default 100."),
  })
  .refine((value) => {
    const names = Object.entries(CLIENT_HEADERS).map(
      ([key, name]) => value[key as keyof typeof CLIENT_HEADERS] ?? name,
    );
    return new Set(names).size === names.length;
  }, "name a header twice");

export const faultInjectionSchema = z
  .strictObject({
    where: z
      .enum(["downstream", "upstream"])
      .optional()
      .describe(
        "In a listener's chain, once a request; or in a cluster's, for each attempt, so that timeouts and retries meet the fault. Default downstream.",
      ),
    explainHeader: writtenHeaderName
      .optional()
      .describe("Response header that says which rule did what. Default: none."),
    maxActive: activeLimit
      .optional()
      .describe("Faults of all rules that may be going on at once, over all workers. Default: no limit."),
    clientFaults: clientFaults
      .optional()
      .describe("Lets clients ask for faults by header, before any rule. Default: they may not."),
    rules: z
      .array(rule)
      .max(1000)
      .refine(haveNamesOfTheirOwn, "name a rule twice")
      .describe("Tried in order; the first that matches, and whose share includes the request, decides."),
  })
  .superRefine((config, context) => {
    const name = config.clientFaults && (config.clientFaults.name ?? "client");
    if (name !== undefined && config.rules.some((entry) => entry.name === name)) {
      context.addIssue({ code: "custom", path: ["clientFaults", "name"], message: "is a rule's name too" });
    }
  })
  .superRefine(inOneModule)
  .describe("Configuration of the filter fault-injection.");

export type FaultInjectionConfig = z.infer<typeof faultInjectionSchema>;
