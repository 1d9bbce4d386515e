// What trips a circuit, or throttles requests. The module's own parser is `config.ts`.

import { z } from "zod";
import { atMostOneOf, percentage, whole } from "../../shared/match-schema.js";
import { duration, shownDuration } from "../../shared/rule-schema.js";
import {
  DEFAULT_AT_LEAST,
  DEFAULT_AT_MOST,
  DEFAULT_BAD,
  DEFAULT_MIN_REQUESTS,
  DEFAULT_RATE,
  DEFAULT_REQUESTS_PER_FALSE_TRIP,
  DEFAULT_THROTTLE_RATIO,
  DEFAULT_THROTTLE_WINDOW_MS,
  DEFAULT_TOLERATED,
  DEFAULT_WINDOW_MS,
  LEARNED,
  MAX_BAD_PERCENTAGE,
  MAX_CONSECUTIVE,
  MAX_MIN_REQUESTS,
  MAX_REQUESTS_PER_FALSE_TRIP,
  MAX_THROTTLE_RATIO,
  MAX_WINDOW_MS,
  MIN_PERCENTAGE,
  MIN_REQUESTS_PER_FALSE_TRIP,
  MIN_THROTTLE_RATIO,
  MIN_WINDOW_MS,
  TRIPS,
} from "../limits.js";

const share = percentage.min(MIN_PERCENTAGE).max(MAX_BAD_PERCENTAGE);

const evidence = z
  .strictObject({
    tolerated: z
      .union([share, z.literal(LEARNED)])
      .optional()
      .describe(
        `Failures in percent of the requests that must not trip the circuit; or '${LEARNED}': an upper bound of what was usual. Default ${DEFAULT_TOLERATED}.`,
      ),
    atLeast: share
      .optional()
      .describe(`What '${LEARNED}' tolerates in any case, in percent. Default ${DEFAULT_AT_LEAST}.`),
    atMost: share
      .optional()
      .describe(`What '${LEARNED}' never exceeds, in percent. Default ${DEFAULT_AT_MOST}.`),
    bad: share.optional().describe(`Failures in percent at which it must trip soon. Default ${DEFAULT_BAD}.`),
    requestsPerFalseTrip: whole(MIN_REQUESTS_PER_FALSE_TRIP, MAX_REQUESTS_PER_FALSE_TRIP)
      .optional()
      .describe(
        `Requests, in the mean and at least, until a circuit trips whose upstream stays at the tolerated share. Default ${DEFAULT_REQUESTS_PER_FALSE_TRIP}.`,
      ),
  })
  .superRefine((fields, context) => {
    const { tolerated = DEFAULT_TOLERATED, bad = DEFAULT_BAD } = fields;
    const { atLeast = DEFAULT_AT_LEAST, atMost = DEFAULT_AT_MOST } = fields;
    const refuse = (message: string, ...path: string[]) =>
      context.addIssue({ code: "custom", path, message });
    if (typeof tolerated === "number") {
      for (const name of ["atLeast", "atMost"] as const)
        if (fields[name] !== undefined) refuse(`needs tolerated: ${LEARNED}`, name);
      if (bad <= tolerated) refuse("'bad' must be above 'tolerated'");
    } else if (atMost < atLeast) refuse("'atMost' must not be below 'atLeast'");
    else if (bad <= atMost) refuse("'bad' must be above 'atMost'");
  });

const rate = z.strictObject({
  percentage: percentage
    .min(MIN_PERCENTAGE)
    .optional()
    .describe(`Failures in percent of the window's requests. Default ${DEFAULT_RATE}.`),
  minRequests: whole(1, MAX_MIN_REQUESTS)
    .optional()
    .describe(`Requests that the window must have. Default ${DEFAULT_MIN_REQUESTS}.`),
  window: duration(shownDuration(MIN_WINDOW_MS), shownDuration(MAX_WINDOW_MS))
    .optional()
    .describe(`The sliding window. Default ${shownDuration(DEFAULT_WINDOW_MS)}.`),
});

export const trip = z
  .strictObject({
    evidence: evidence
      .optional()
      .describe("A sequential test, which needs no window. This is the default, with its defaults."),
    consecutive: whole(1, MAX_CONSECUTIVE).optional().describe("So many failures without a success between."),
    rate: rate.optional().describe("A share of the requests of a sliding window."),
  })
  .refine(atMostOneOf(TRIPS), `must have at most one of ${TRIPS.join(", ")}`);

export const throttle = z.strictObject({
  ratio: z
    .number()
    .min(MIN_THROTTLE_RATIO, `must be from ${MIN_THROTTLE_RATIO} to ${MAX_THROTTLE_RATIO}`)
    .max(MAX_THROTTLE_RATIO, `must be from ${MIN_THROTTLE_RATIO} to ${MAX_THROTTLE_RATIO}`)
    .optional()
    .describe(
      `Requests that go on for each that the upstream accepts, in the mean. Default ${DEFAULT_THROTTLE_RATIO}.`,
    ),
  window: duration(shownDuration(MIN_WINDOW_MS), shownDuration(MAX_WINDOW_MS))
    .optional()
    .describe(
      `The sliding window, longer than a request takes. Default ${shownDuration(DEFAULT_THROTTLE_WINDOW_MS)}.`,
    ),
});
