// What fallback's configuration may be. The module's own parser is `config.ts`. A test checks that
// both accept and refuse the same documents.

import { z } from "zod";
import { KEY_PARTS, MAX_KEY_PARTS } from "../../assembly/rules/key/limits.js";
import { inJsonSchema } from "../shared/json-schema.js";
import { exactlyOneOf, testedHeaderName, whole, writtenHeaderName } from "../shared/match-schema.js";
import {
  duration,
  explainProperty,
  haveNamesOfTheirOwn,
  inOneModule,
  keySources,
  label,
  ruleSelection,
  shownDuration,
} from "../shared/rule-schema.js";
import {
  DEFAULT_ANSWERS,
  DEFAULT_BODY,
  DEFAULT_KEPT_STATUS,
  DEFAULT_LOCAL_REPLIES,
  DEFAULT_MAX_AGE_MS,
  DEFAULT_REFRESH_MS,
  DEFAULT_REVALIDATE_MS,
  DEFAULT_STALE_IF_ERROR_MS,
  MARKS,
  MAX_AGE_MS,
  MAX_ANSWERS,
  MAX_BODY,
  MAX_FAILED_STATUS,
  MAX_KEPT_STATUS,
  MAX_LOCAL_REPLIES,
  MAX_OMITTED_HEADERS,
  MAX_REFRESH_MS,
  MAX_REVALIDATE_MS,
  MAX_RULES,
  MAX_STATUSES,
  MIN_AGE_MS,
  MIN_FAILED_STATUS,
  MIN_KEPT_STATUS,
  MIN_REFRESH_MS,
  MIN_REVALIDATE_MS,
  NAMED_QUERY,
  NETWORK_FAILURES,
  NOT_MODIFIED,
  PARTIAL_CONTENT,
  SERVER_ERRORS,
  WHOLE_QUERY,
} from "./limits.js";

const keyPart = z
  .strictObject(keySources)
  .refine(exactlyOneOf(KEY_PARTS), `needs exactly one of ${KEY_PARTS.join(", ")}`);

const NEVER_KEPT = [PARTIAL_CONTENT, NOT_MODIFIED];

const keptStatus = whole(MIN_KEPT_STATUS, MAX_KEPT_STATUS).refine(
  inJsonSchema((value: number) => !NEVER_KEPT.includes(value), { not: { enum: NEVER_KEPT } }),
  `must not be ${PARTIAL_CONTENT} or ${NOT_MODIFIED}`,
);

const keep = z.strictObject({
  statuses: z
    .array(keptStatus)
    .min(1)
    .max(MAX_STATUSES)
    .optional()
    .describe(`Statuses of answers that are kept. Default ${DEFAULT_KEPT_STATUS}.`),
  maxBody: whole(0, MAX_BODY)
    .optional()
    .describe(`Most bytes of a body that is kept. Default ${DEFAULT_BODY}.`),
  refresh: duration(shownDuration(MIN_REFRESH_MS), shownDuration(MAX_REFRESH_MS))
    .optional()
    .describe(`How long a kept answer is not kept anew. Default ${shownDuration(DEFAULT_REFRESH_MS)}.`),
  despite: z
    .array(z.enum(MARKS))
    .max(MARKS.length)
    .optional()
    .describe(
      `Marks that forbid nothing here, of ${MARKS.join(", ")}. A kept answer never has Set-Cookie. Default: none.`,
    ),
  omitHeaders: z
    .array(testedHeaderName)
    .max(MAX_OMITTED_HEADERS)
    .optional()
    .describe("Response headers that are not kept. Default: none beside those of the connection."),
});

const serve = z.strictObject({
  statuses: z
    .array(z.union([whole(MIN_FAILED_STATUS, MAX_FAILED_STATUS), z.literal(SERVER_ERRORS)]))
    .max(MAX_STATUSES)
    .optional()
    .describe(
      `Statuses of the upstream in whose place a kept answer is served; ${SERVER_ERRORS} stands for all of its class. Default ${SERVER_ERRORS}.`,
    ),
  network: z
    .array(z.enum(NETWORK_FAILURES))
    .max(NETWORK_FAILURES.length)
    .optional()
    .describe(`What Envoy itself reports of an upstream: ${NETWORK_FAILURES.join(", ")}. Default: all.`),
  localReplies: z
    .array(label)
    .max(MAX_LOCAL_REPLIES)
    .refine(
      inJsonSchema((names: readonly string[]) => new Set(names).size === names.length, { uniqueItems: true }),
      "name a reply twice",
    )
    .optional()
    .describe(
      `Answers of other filters with a status of ${SERVER_ERRORS}, by their response code details before the first brace. Default ${DEFAULT_LOCAL_REPLIES.join(", ")}.`,
    ),
});

const revalidate = z.strictObject({
  timeout: duration(shownDuration(MIN_REVALIDATE_MS), shownDuration(MAX_REVALIDATE_MS))
    .optional()
    .describe(
      `How long the call for a newer answer may take. Default ${shownDuration(DEFAULT_REVALIDATE_MS)}.`,
    ),
});

const age = (least: number) => duration(shownDuration(least), shownDuration(MAX_AGE_MS));

const rule = z
  .strictObject({
    ...ruleSelection,
    query: z
      .enum([WHOLE_QUERY, NAMED_QUERY])
      .optional()
      .describe(
        `How much of the query belongs to the key: the ${WHOLE_QUERY} one, or the parameters that key names. Default ${NAMED_QUERY} if it names one, else ${WHOLE_QUERY}.`,
      ),
    key: z
      .array(keyPart)
      .min(1)
      .max(MAX_KEY_PARTS)
      .optional()
      .describe("What belongs to the key beside scheme, host and path. Default: nothing."),
    answers: whole(1, MAX_ANSWERS)
      .optional()
      .describe(`Answers that may be kept at once. Default ${DEFAULT_ANSWERS}.`),
    keep: keep.optional().describe("Which answers are kept."),
    serve: serve.optional().describe("In place of which answers a kept one is served."),
    revalidate: revalidate
      .optional()
      .describe(
        "Serves answers that say stale-while-revalidate at once, and asks for a newer one meanwhile. Default: never.",
      ),
    maxAge: age(MIN_AGE_MS)
      .optional()
      .describe(
        `The highest age of an answer that is served, whatever it says. Default ${shownDuration(DEFAULT_MAX_AGE_MS)}.`,
      ),
    staleIfError: age(0)
      .optional()
      .describe(
        `How long an answer may be stale that does not say so by stale-if-error. Default ${shownDuration(DEFAULT_STALE_IF_ERROR_MS)}.`,
      ),
  })
  .refine(
    ({ query, key = [] }) => query !== WHOLE_QUERY || !key.some((part) => part.query !== undefined),
    `'query: ${WHOLE_QUERY}' has no need of a part 'query' in 'key'`,
  )
  .refine(({ keep: kept = {}, serve: served = {} }) => {
    const failed = served.statuses ?? [SERVER_ERRORS];
    return !(kept.statuses ?? [DEFAULT_KEPT_STATUS]).some((status) => failed.includes(status));
  }, "must not have a status in both 'keep' and 'serve'");

export const fallbackSchema = z
  .strictObject({
    explainHeader: writtenHeaderName
      .optional()
      .describe("Response header that says what each rule decided. Default: none."),
    explainProperty: explainProperty.optional(),
    rules: z
      .array(rule)
      .max(MAX_RULES)
      .refine(haveNamesOfTheirOwn, "name a rule twice")
      .describe("The first that matches decides, after those in shadow mode."),
  })
  .superRefine(inOneModule)
  .describe("Configuration of the filter fallback.");

export type FallbackConfig = z.infer<typeof fallbackSchema>;
