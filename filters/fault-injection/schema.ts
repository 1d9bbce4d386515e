// What fault-injection's configuration may be. The module's own parser is `config.ts`. A test
// checks that both accept and refuse the same documents.

import { z } from "zod";
import { MAX_PERCENTAGE } from "../../assembly/rules/limits.js";
import { contains, has, hasKey, hasValue, inJsonSchema, needs } from "../shared/json-schema.js";
import {
  atLeastOneOf,
  atMostOneOf,
  exactlyOneOf,
  matchSchema,
  percentage,
  whole,
  writtenHeaderName,
} from "../shared/match-schema.js";
import { contentType, replyBody, replyHeaders } from "../shared/reply-schema.js";
import {
  duration,
  explainProperty,
  haveNamesOfTheirOwn,
  inOneModule,
  label,
  millisecondsOf,
  ruleSelection,
  shownDuration,
  stickyKey,
} from "../shared/rule-schema.js";
import {
  ABORT_HEADER,
  ABORT_STATUSES,
  AFTER_SEQUENCE,
  CLIENT_MAX_ACTIVE,
  CLIENT_MAX_BODY_BYTES,
  CLIENT_MAX_DELAY_MS,
  CLIENT_NAME,
  CUT_GRPC_STATUS,
  CUTS,
  DELAY_HEADER,
  DISTRIBUTIONS,
  DOWNSTREAM,
  EXPECTED_NAME,
  FAULTS,
  GRPC_ABORT_HEADER,
  LAST_FAULTS,
  LAST_PERCENTILE,
  MAX_ACTIVE,
  MAX_BLACK_HOLE_MS,
  MAX_BYTES,
  MAX_DELAY_MS,
  MAX_EXPECTED_NAME_SIZE,
  MAX_GRPC_STATUS,
  MAX_INSTANT_SIZE,
  MAX_MESSAGES,
  MAX_PERCENTILES,
  MAX_RULES,
  MAX_SEQUENCE,
  MAX_SIGMA,
  MAX_STATUS,
  MAX_TURN,
  MIN_GRPC_STATUS,
  MIN_PERCENTILES,
  MIN_SIGMA,
  MIN_STATUS,
  NO_CONTENT,
  NOT_MODIFIED,
  PERCENTAGE_HEADER,
  RESPONSE_FAULTS,
  TURN_KINDS,
  TURNS,
  UPSTREAM,
} from "./limits.js";

const delayTime = duration("0ms", shownDuration(MAX_DELAY_MS));
const spread = duration("1ms", shownDuration(MAX_DELAY_MS));

interface Answered {
  readonly status?: number | undefined;
  readonly body?: string | undefined;
}

interface Percentile {
  readonly percentile: number;
  readonly delay: string;
}

const IN_SIGMAS = `must be from ${MIN_SIGMA} to ${MAX_SIGMA}`;
const IN_PERCENTILES = `must be from 0 to ${LAST_PERCENTILE}`;

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
      .describe("Every length between the two is equally likely."),
    normal: z
      .strictObject({ mean: delayTime.describe("Mean."), deviation: spread.describe("Standard deviation.") })
      .optional()
      .describe("The bell curve; a length below 0 counts as 0."),
    exponential: z
      .strictObject({ mean: spread.describe("Mean.") })
      .optional()
      .describe("Many short delays and few long ones, like the time until the next of independent events."),
    logNormal: z
      .strictObject({
        median: spread.describe("Half of the delays are shorter."),
        sigma: z
          .number()
          .min(MIN_SIGMA, IN_SIGMAS)
          .max(MAX_SIGMA, IN_SIGMAS)
          .describe("Standard deviation of the logarithm: 0.5 is narrow, 2 has a long tail."),
      })
      .optional()
      .describe("Like the latency of most services."),
    percentiles: z
      .array(
        z.strictObject({
          percentile: z
            .number()
            .min(0, IN_PERCENTILES)
            .max(LAST_PERCENTILE, IN_PERCENTILES)
            .describe("This percentage of the delays is no longer."),
          delay: delayTime.describe("This long."),
        }),
      )
      .min(MIN_PERCENTILES)
      .max(MAX_PERCENTILES)
      .refine(
        inJsonSchema(
          (list: readonly Percentile[]) =>
            list[0]?.percentile === 0 && list.at(-1)?.percentile === LAST_PERCENTILE,
          {
            allOf: [contains("percentile", { const: 0 }), contains("percentile", { const: LAST_PERCENTILE })],
          },
        ),
        `must begin with percentile 0 and end with ${LAST_PERCENTILE}`,
      )
      .refine(
        inJsonSchema(
          (list: readonly Percentile[]) =>
            list.every((entry, i) => {
              const before = list[i - 1];
              return (
                before === undefined ||
                (before.percentile < entry.percentile &&
                  (millisecondsOf(before.delay) ?? 0) <= (millisecondsOf(entry.delay) ?? 0))
              );
            }),
          { uniqueItems: true },
        ),
        "must rise from entry to entry",
      )
      .optional()
      .describe("Measured lengths; between two entries the length rises in a straight line."),
    max: spread
      .optional()
      .describe(`Longest delay; a longer one is cut down to it. Default ${shownDuration(MAX_DELAY_MS)}.`),
  })
  .refine(exactlyOneOf(DISTRIBUTIONS), `needs exactly one of ${DISTRIBUTIONS.join(", ")}`);

const status = whole(MIN_STATUS, MAX_STATUS);

const abort = z
  .strictObject({
    status: status.optional().describe("HTTP status of the answer."),
    grpcStatus: whole(MIN_GRPC_STATUS, MAX_GRPC_STATUS)
      .optional()
      .describe("Status of the answer to a gRPC call; other clients get the HTTP status that belongs to it."),
    body: replyBody
      .optional()
      .describe(
        "Body of the answer, or the message of a gRPC status. Default: empty; for gRPC `fault injected`.",
      ),
    headers: replyHeaders.optional().describe("Headers of the answer."),
    contentType: contentType.optional().describe("Type of the body. Default text/plain."),
    afterMessages: whole(1, MAX_MESSAGES)
      .optional()
      .describe(
        "Messages that the client of a gRPC call sends before the call is aborted. The rule passes other requests by. Default: the request is aborted at once.",
      ),
  })
  .refine(exactlyOneOf(ABORT_STATUSES), `needs exactly one of ${ABORT_STATUSES.join(", ")}`)
  .refine(
    inJsonSchema(
      (value: Answered) => !value.body || (value.status !== NO_CONTENT && value.status !== NOT_MODIFIED),
      {
        if: has("status", { enum: [NO_CONTENT, NOT_MODIFIED] }),
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { properties: { body: { const: "" } } },
      },
    ),
    { path: ["body"], error: "must be empty: a response of that status has no body" },
  );

const blackHole = z.strictObject({
  limit: duration("1ms", shownDuration(MAX_BLACK_HOLE_MS))
    .optional()
    .describe("After this time the answer is 504. Default: only the client and the route limit it."),
});

const tlsFailure = z.strictObject({
  expectedName: z
    .string()
    .min(1)
    .max(MAX_EXPECTED_NAME_SIZE)
    .regex(/^[A-Za-z0-9_./:-]+$/, "must be a name of letters, digits, '-', '.', '_', ':' and '/'")
    .optional()
    .describe(`The name that the upstream's certificate would need. Default ${EXPECTED_NAME}.`),
});

const NEEDS_CUT = `needs one of ${CUTS.join(", ")}`;

/** An option that says how a response ends where it is cut off. */
function needsCut(key: "grpcStatus" | "reset") {
  const isCut = (value: object) => CUTS.some((cut) => hasValue(value, cut));
  return inJsonSchema((value: object) => !hasValue(value, key) || isCut(value), {
    anyOf: [{ not: hasKey(key) }, ...CUTS.map(hasKey)],
  });
}

const response = z
  .strictObject({
    status: status
      .optional()
      .describe("Replaces the status, of a gRPC call too, and keeps headers and body."),
    truncateAfter: whole(0, MAX_BYTES)
      .optional()
      .describe(
        "Bytes of the body that pass; then the response ends as if it were complete. A gRPC call ends with UNAVAILABLE.",
      ),
    afterMessages: whole(0, MAX_MESSAGES)
      .optional()
      .describe("Messages of a gRPC response that pass; then the call ends. Other responses pass whole."),
    grpcStatus: whole(MIN_GRPC_STATUS, MAX_GRPC_STATUS)
      .optional()
      .describe(`The gRPC status of a call that is cut off. Default ${CUT_GRPC_STATUS}, UNAVAILABLE.`),
    reset: z
      .boolean()
      .optional()
      .describe(
        "The stream is reset where the response is cut off, as when a connection breaks. Default false: the response ends when the upstream's does.",
      ),
    bytesPerSecond: whole(1, MAX_BYTES).optional().describe("Most bytes of the body in a second."),
  })
  .refine(atLeastOneOf(RESPONSE_FAULTS), `needs at least one of ${RESPONSE_FAULTS.join(", ")}`)
  .refine(atMostOneOf(CUTS), `must have at most one of ${CUTS.join(", ")}`)
  .refine(needsCut("grpcStatus"), { path: ["grpcStatus"], error: NEEDS_CUT })
  .refine(needsCut("reset"), { path: ["reset"], error: NEEDS_CUT });

const turns = z
  .strictObject({
    sequence: z
      .array(z.enum(TURNS))
      .min(1)
      .max(MAX_SEQUENCE)
      .optional()
      .describe("What becomes of the requests in their order: `fail` meets the fault, `pass` does not."),
    every: whole(1, MAX_TURN).optional().describe("The last of each so many requests meets the fault."),
    nth: whole(1, MAX_TURN).optional().describe("One request meets the fault: the one of this number."),
    after: z
      .enum(AFTER_SEQUENCE)
      .optional()
      .describe(`What comes after the sequence. Default ${AFTER_SEQUENCE[0]}.`),
    key: stickyKey
      .optional()
      .describe("Requests of one key are counted by themselves. Default: all together."),
    attempts: z
      .literal(true, "must be true")
      .optional()
      .describe("In a cluster's chain: the number is that of the attempt. Default: attempts are counted."),
  })
  .refine(exactlyOneOf(TURN_KINDS), `needs exactly one of ${TURN_KINDS.join(", ")}`)
  .refine(needs("after", "sequence"), { path: ["after"], error: "is for a sequence only" })
  .refine(atMostOneOf(["key", "attempts"]), "must have at most one of key, attempts");

const activeLimit = whole(1, MAX_ACTIVE);

const rfc3339 = z.iso.datetime({ offset: true });
const instant = z
  .string()
  .max(MAX_INSTANT_SIZE, `must be at most ${MAX_INSTANT_SIZE} characters long`)
  .refine(
    inJsonSchema((value) => rfc3339.safeParse(value).success, {
      pattern: z.regexes.datetime({ offset: true }).source,
    }),
    "must be a time such as 2026-11-21T18:00:00Z",
  )
  .meta({ format: "date-time" });

const rule = z
  .strictObject({
    ...ruleSelection,
    turns: turns
      .optional()
      .describe("Which of the requests meet the fault, by their number. Default: all of them."),
    from: instant.optional().describe("The rule begins at this time. Default: at once."),
    until: instant.optional().describe("The rule ends at this time. Default: never."),
    maxActive: activeLimit
      .optional()
      .describe("Faults of this rule that may be active at once, over all workers. Default: no limit."),
    delay: delay.optional().describe("The request waits before it goes on, or before it is aborted."),
    abort: abort.optional().describe("The filter answers the request."),
    blackHole: blackHole.optional().describe("The request is never answered."),
    tlsFailure: tlsFailure
      .optional()
      .describe(
        "The TLS handshake with the upstream fails, because Envoy expects another name in its certificate.",
      ),
    response: response.optional().describe("The response is spoilt."),
  })
  .refine(atLeastOneOf(FAULTS), `needs at least one of ${FAULTS.join(", ")}`)
  .refine(atMostOneOf(LAST_FAULTS), `must have at most one of ${LAST_FAULTS.join(", ")}`)
  .refine(
    (value) =>
      value.from === undefined ||
      value.until === undefined ||
      Date.parse(value.from) < Date.parse(value.until),
    "'from' must be before 'until'",
  );

/** The headers with which clients ask for faults, unless the configuration names others. */
const CLIENT_HEADERS = {
  delayHeader: DELAY_HEADER,
  abortHeader: ABORT_HEADER,
  grpcAbortHeader: GRPC_ABORT_HEADER,
  percentageHeader: PERCENTAGE_HEADER,
} as const;

const clientFaults = z
  .strictObject({
    name: label.optional().describe(`The rule's name in metrics. Default ${CLIENT_NAME}.`),
    match: matchSchema.optional().describe("Who may ask for faults. Default: everybody."),
    delayHeader: writtenHeaderName.optional().describe(`Milliseconds to wait. Default ${DELAY_HEADER}.`),
    abortHeader: writtenHeaderName
      .optional()
      .describe(`HTTP status to answer with. Default ${ABORT_HEADER}.`),
    grpcAbortHeader: writtenHeaderName
      .optional()
      .describe(`gRPC status to answer with. Default ${GRPC_ABORT_HEADER}.`),
    percentageHeader: writtenHeaderName
      .optional()
      .describe(`Percentage of the requests, for delay and abort alike. Default ${PERCENTAGE_HEADER}.`),
    maxDelay: delayTime
      .optional()
      .describe(`Longer delays are cut down to this. Default ${shownDuration(CLIENT_MAX_DELAY_MS)}.`),
    maxPercentage: percentage
      .optional()
      .describe(`Larger percentages are cut down to this. Default ${MAX_PERCENTAGE}.`),
    maxActive: activeLimit
      .optional()
      .describe(
        `Faults that clients may have at once, over all workers; a request above that passes unharmed. Default ${CLIENT_MAX_ACTIVE}.`,
      ),
    maxBodyBytes: whole(0, MAX_BYTES)
      .optional()
      .describe(`A request whose content-length is larger is not delayed. Default ${CLIENT_MAX_BODY_BYTES}.`),
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
      .enum([DOWNSTREAM, UPSTREAM])
      .optional()
      .describe(
        `In a listener's chain the filter acts once a request. In a cluster's chain it acts on each attempt, so that timeouts and retries meet the fault. Default ${DOWNSTREAM}.`,
      ),
    explainHeader: writtenHeaderName
      .optional()
      .describe("Response header that says which rule did what. Default: none."),
    explainProperty: explainProperty.optional(),
    maxActive: activeLimit
      .optional()
      .describe("Faults of all rules that may be active at once, over all workers. Default: no limit."),
    clientFaults: clientFaults
      .optional()
      .describe("Lets clients ask for faults by header, before any rule. Default: they may not."),
    rules: z
      .array(rule)
      .max(MAX_RULES)
      .refine(haveNamesOfTheirOwn, "name a rule twice")
      .describe("Tried in order; the first that matches, and whose share includes the request, decides."),
  })
  .superRefine((config, context) => {
    const name = config.clientFaults && (config.clientFaults.name ?? CLIENT_NAME);
    if (name !== undefined && config.rules.some((entry) => entry.name === name)) {
      context.addIssue({ code: "custom", path: ["clientFaults", "name"], message: "is a rule's name too" });
    }
  })
  .superRefine((config, context) => {
    const isUpstream = config.where === UPSTREAM;
    for (const [index, entry] of config.rules.entries()) {
      if (!isUpstream && entry.turns?.attempts !== undefined) {
        const message = "needs 'where: upstream': a listener's chain sees no attempts";
        context.addIssue({ code: "custom", path: ["rules", index, "turns", "attempts"], message });
      }
      if (isUpstream && entry.tlsFailure !== undefined) {
        const message = "needs a listener's chain: in a cluster's chain the connection is there already";
        context.addIssue({ code: "custom", path: ["rules", index, "tlsFailure"], message });
      }
    }
  })
  .superRefine(inOneModule)
  .describe("Configuration of the filter fault-injection.");

export type FaultInjectionConfig = z.infer<typeof faultInjectionSchema>;
