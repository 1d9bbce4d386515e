// What circuit-breaker's configuration may be. The module's own parser is `config.ts`. A test
// checks that both accept and refuse the same documents.

import { z } from "zod";
import { KEY_PARTS, MAX_KEY_PARTS, TARGET_PARTS } from "../../assembly/rules/key/limits.js";
import { atMostOneOf, exactlyOneOf, whole, writtenHeaderName } from "../shared/match-schema.js";
import { contentType, replyBody } from "../shared/reply-schema.js";
import {
  duration,
  explainProperty,
  haveNamesOfTheirOwn,
  inOneModule,
  keySources,
  label,
  millisecondsOf,
  ruleSelection,
  shownDuration,
  targetSources,
} from "../shared/rule-schema.js";
import {
  CIRCUIT_FIELDS,
  DEFAULT_ANSWER_STATUS,
  DEFAULT_GRPC_FAILURES,
  DEFAULT_GRPC_STATUS,
  DEFAULT_JITTER,
  DEFAULT_KEYS,
  DEFAULT_LEASE_MS,
  DEFAULT_MAX_SLEEP_MS,
  DEFAULT_NETWORK_FAILURES,
  DEFAULT_PROBES,
  DEFAULT_RESPONSES_PER_FALSE_MARK,
  DEFAULT_SLEEP_MS,
  DEFAULT_SLOW_HOST_MS,
  DEFAULT_TIMES,
  DESTINATION_HEADER,
  DOWNSTREAM,
  FORCE_CLOSED,
  FORCE_OPEN,
  MAX_ANSWER_STATUS,
  MAX_FAILURE_STATUS,
  MAX_FAILURE_STATUSES,
  MAX_GRPC_FAILURE,
  MAX_GRPC_STATUS,
  MAX_JITTER,
  MAX_KEYS,
  MAX_LEASE_MS,
  MAX_PROBES,
  MAX_RAMP_MS,
  MAX_REQUESTS_PER_FALSE_TRIP,
  MAX_RULES,
  MAX_SLEEP_MS,
  MAX_SLOW_MS,
  MAX_TIMES,
  MIN_ANSWER_STATUS,
  MIN_FAILURE_STATUS,
  MIN_GRPC_FAILURE,
  MIN_LEASE_MS,
  MIN_REQUESTS_PER_FALSE_TRIP,
  MIN_SLEEP_MS,
  MIN_SLOW_MS,
  NETWORK_FAILURES,
  OUTLIER_HEADER,
  RESOURCE_EXHAUSTED,
  SERVER_ERRORS,
  SHARE_MISSING,
  SKIP_MISSING,
  TOO_MANY_REQUESTS,
  UPSTREAM,
} from "./limits.js";
import { throttle, trip } from "./trip/schema.js";

const PARTS = [...KEY_PARTS, ...TARGET_PARTS];
/** What only a listener's chain has: of the configuration, and of a rule. */
const ROOT_FIELDS_DOWNSTREAM = ["destinationHeader", "keepDestination"];
const RULE_FIELDS_DOWNSTREAM = [
  "key",
  "missing",
  "keys",
  "trip",
  "throttle",
  "failures",
  "open",
  "halfOpen",
  "answer",
  "destination",
  "force",
];

const keyPart = z
  .strictObject({ ...keySources, ...targetSources })
  .refine(exactlyOneOf(PARTS), `needs exactly one of ${PARTS.join(", ")}`);

const status = z.union([
  whole(MIN_FAILURE_STATUS, MAX_FAILURE_STATUS).refine(
    (value) => value !== TOO_MANY_REQUESTS,
    `must not be ${TOO_MANY_REQUESTS}, which says that a limit was reached`,
  ),
  z.literal(SERVER_ERRORS),
]);

const failures = z.strictObject({
  statuses: z
    .array(status)
    .max(MAX_FAILURE_STATUSES)
    .optional()
    .describe(
      `HTTP statuses that count as failures; ${SERVER_ERRORS} stands for all of its class. Never ${TOO_MANY_REQUESTS}. Default ${SERVER_ERRORS}.`,
    ),
  grpcStatuses: z
    .array(
      whole(MIN_GRPC_FAILURE, MAX_GRPC_FAILURE).refine(
        (value) => value !== RESOURCE_EXHAUSTED,
        `must not be ${RESOURCE_EXHAUSTED}, which says that a limit was reached`,
      ),
    )
    .max(MAX_GRPC_FAILURE)
    .optional()
    .describe(
      `gRPC statuses that count as failures. Never ${RESOURCE_EXHAUSTED}. Default ${DEFAULT_GRPC_FAILURES.join(", ")}.`,
    ),
  network: z
    .array(z.enum(NETWORK_FAILURES))
    .max(NETWORK_FAILURES.length)
    .optional()
    .describe(
      `What Envoy reports of an upstream: ${NETWORK_FAILURES.join(", ")}. The last one means a response that breaks off, and waits for the end of each. Default ${DEFAULT_NETWORK_FAILURES.join(", ")}.`,
    ),
  slow: duration(shownDuration(MIN_SLOW_MS), shownDuration(MAX_SLOW_MS))
    .optional()
    .describe("A response that begins later than this counts as a failure. Default: never."),
});

const sleep = duration(shownDuration(MIN_SLEEP_MS), shownDuration(MAX_SLEEP_MS));

const open = z
  .strictObject({
    sleep: sleep
      .optional()
      .describe(
        `How long the circuit stays open. Twice as long after each probe that fails. Default ${shownDuration(DEFAULT_SLEEP_MS)}.`,
      ),
    maxSleep: sleep
      .optional()
      .describe(
        `The longest sleep. Default ${shownDuration(DEFAULT_MAX_SLEEP_MS)}, or sleep where that is longer.`,
      ),
    jitter: whole(0, MAX_JITTER)
      .optional()
      .describe(`Chance prolongs a sleep by up to so many per cent. Default ${DEFAULT_JITTER}.`),
  })
  .refine(
    ({ sleep = shownDuration(DEFAULT_SLEEP_MS), maxSleep }) =>
      maxSleep === undefined || (millisecondsOf(maxSleep) ?? 0) >= (millisecondsOf(sleep) ?? 0),
    { path: ["maxSleep"], message: "must not be below 'sleep'" },
  );

const halfOpen = z.strictObject({
  probes: whole(1, MAX_PROBES)
    .optional()
    .describe(`Requests that a half-open circuit lets through. Default ${DEFAULT_PROBES}.`),
  lease: duration(shownDuration(MIN_LEASE_MS), shownDuration(MAX_LEASE_MS))
    .optional()
    .describe(
      `A probe without a response after this long has failed. Longer than the route's timeout. Default ${shownDuration(DEFAULT_LEASE_MS)}.`,
    ),
  ramp: duration(shownDuration(0), shownDuration(MAX_RAMP_MS))
    .optional()
    .describe("How long a circuit that has closed takes until it lets all requests through. Default 0ms."),
});

const answer = z.strictObject({
  status: whole(MIN_ANSWER_STATUS, MAX_ANSWER_STATUS)
    .optional()
    .describe(`HTTP status. Default ${DEFAULT_ANSWER_STATUS}.`),
  body: replyBody.optional().describe("Default: empty."),
  contentType: contentType.optional().describe("Type of the body. Default text/plain."),
  grpcStatus: whole(0, MAX_GRPC_STATUS)
    .optional()
    .describe(`gRPC status for gRPC clients. Default ${DEFAULT_GRPC_STATUS}, UNAVAILABLE.`),
});

const slowHosts = z.strictObject({
  slow: duration(shownDuration(MIN_SLOW_MS), shownDuration(MAX_SLOW_MS))
    .optional()
    .describe(`Nothing that takes less time is slow. Default ${shownDuration(DEFAULT_SLOW_HOST_MS)}.`),
  times: whole(1, MAX_TIMES)
    .optional()
    .describe(
      `A response is slow if it takes so many times as long as nine in ten of the median host's. Default ${DEFAULT_TIMES}.`,
    ),
  responsesPerFalseMark: whole(MIN_REQUESTS_PER_FALSE_TRIP, MAX_REQUESTS_PER_FALSE_TRIP)
    .optional()
    .describe(
      `Responses, in the mean and at least, until one of a host is marked that is like the others. Default ${DEFAULT_RESPONSES_PER_FALSE_MARK}.`,
    ),
});

type Fields = Readonly<Record<string, unknown>>;

const rule = z
  .strictObject({
    ...ruleSelection,
    key: z
      .array(keyPart)
      .min(1)
      .max(MAX_KEY_PARTS)
      .optional()
      .describe("Requests with different keys have different circuits. Default: cluster and destination."),
    missing: z
      .enum([SHARE_MISSING, SKIP_MISSING])
      .optional()
      .describe(
        `A request without one of the key's parts shares one circuit with all such requests, or passes uncounted. Default ${SHARE_MISSING}.`,
      ),
    keys: whole(1, MAX_KEYS)
      .optional()
      .describe(
        `Circuits that may be kept at once, about 600 bytes of memory each. Default ${DEFAULT_KEYS}.`,
      ),
    trip: trip.optional().describe("What trips the circuit. Default: evidence."),
    throttle: throttle
      .optional()
      .describe("In place of a circuit: refuses a share of the requests while the upstream accepts few."),
    failures: failures.optional().describe("What counts as a failure."),
    open: open.optional().describe("How long a circuit stays open."),
    halfOpen: halfOpen.optional().describe("How a circuit is tried again."),
    answer: answer.optional().describe("What a refused request gets."),
    destination: label
      .optional()
      .describe("Refused requests go to this destination instead, uncounted. Not beside answer."),
    force: z
      .enum([FORCE_OPEN, FORCE_CLOSED])
      .optional()
      .describe("Refuses everything, or nothing, and counts no result. For drills and incidents."),
    slowHosts: slowHosts
      .optional()
      .describe(
        `In a cluster's chain: which hosts' responses get the header ${OUTLIER_HEADER}. None of the other settings goes with it.`,
      ),
  })
  .refine(atMostOneOf(["answer", "destination"]), "must have at most one of answer, destination")
  .refine(
    (fields: Fields) =>
      fields.throttle === undefined || CIRCUIT_FIELDS.every((name) => fields[name] === undefined),
    `must have no ${CIRCUIT_FIELDS.join(", ")} beside throttle`,
  );

/** Refuses what only the other chain has. */
function fitChain(config: Fields & { readonly rules: readonly Fields[] }, context: z.RefinementCtx): void {
  const refuse = (fields: Fields, names: readonly string[], chain: string, path: PropertyKey[]) => {
    for (const name of names.filter((each) => fields[each] !== undefined)) {
      context.addIssue({ code: "custom", path: [...path, name], message: `needs where: ${chain}` });
    }
  };
  const isUpstream = config.where === UPSTREAM;
  if (isUpstream) refuse(config, ROOT_FIELDS_DOWNSTREAM, DOWNSTREAM, []);
  const [names, chain] = isUpstream ? [RULE_FIELDS_DOWNSTREAM, DOWNSTREAM] : [["slowHosts"], UPSTREAM];
  for (const [i, fields] of config.rules.entries()) refuse(fields, names, chain, ["rules", i]);
}

export const circuitBreakerSchema = z
  .strictObject({
    where: z
      .enum([DOWNSTREAM, UPSTREAM])
      .optional()
      .describe(
        `The chain in which it stands: with circuits in a listener's (${DOWNSTREAM}), or with slow hosts in a cluster's (${UPSTREAM}). Default ${DOWNSTREAM}.`,
      ),
    explainHeader: writtenHeaderName
      .optional()
      .describe("Response header that says what each circuit decided. Default: none."),
    explainProperty: explainProperty.optional(),
    destinationHeader: writtenHeaderName
      .optional()
      .describe(
        `Request header that names the destination, for the routes and for keys. Default ${DESTINATION_HEADER}.`,
      ),
    keepDestination: z
      .boolean()
      .optional()
      .describe(
        "A filter before this one, such as header-routing, writes the destination. Otherwise a rule with 'destination' makes the filter remove one that a client sent. Default false.",
      ),
    rules: z
      .array(rule)
      .max(MAX_RULES)
      .refine(haveNamesOfTheirOwn, "name a rule twice")
      .describe("The first that matches decides, after those in shadow mode."),
  })
  .superRefine(fitChain)
  .superRefine(inOneModule)
  .describe("Configuration of the filter circuit-breaker.");

export type CircuitBreakerConfig = z.infer<typeof circuitBreakerSchema>;
