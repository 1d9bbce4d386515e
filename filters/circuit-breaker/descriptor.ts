// What the toolkit knows about circuit-breaker beside its module.

import { defineFilter, explainPropertyOf } from "../descriptor.js";
import {
  DEFAULT_BAD,
  DEFAULT_MIN_REQUESTS,
  DEFAULT_RATE,
  DEFAULT_TOLERATED,
  DEFAULT_WINDOW_MS,
  DESTINATION_HEADER,
} from "./limits.js";
import { type CircuitBreakerConfig, circuitBreakerSchema } from "./schema.js";

type Rule = CircuitBreakerConfig["rules"][number];

export default defineFilter({
  name: "circuit-breaker",
  summary: "stops requests to an upstream that fails, and tries it again with a few",
  schema: circuitBreakerSchema,
  metricLabels: ["rule", "outcome", "to", "reason", "state"],
  destinations: ({ rules }) =>
    rules.flatMap(({ destination }, i) =>
      destination === undefined ? [] : [{ name: destination, path: ["rules", i, "destination"] }],
    ),
  choosesDestination: ({ rules, keepDestination = false }) =>
    !keepDestination && rules.some(({ destination }) => destination !== undefined),
  destinationHeader: headerOf,
  restartKeys: (config) => ({ destinationHeader: headerOf(config) }),
  explainProperties: (config) => explainPropertyOf(config),
  describe: ({ rules }) => rules.map(describeRule),
});

function headerOf({ destinationHeader = DESTINATION_HEADER }: CircuitBreakerConfig): string {
  return destinationHeader;
}

function describeRule({ name, trip, destination, force, shadow }: Rule): string {
  const refused = destination === undefined ? "refuses" : `sends to ${destination}`;
  const when = force === undefined ? `after ${describeTrip(trip)}` : `forced ${force}`;
  return `${name} → ${refused} ${when}${shadow === true ? " (shadow)" : ""}`;
}

function describeTrip({ consecutive, rate, evidence }: NonNullable<Rule["trip"]> = {}): string {
  if (consecutive !== undefined) return `${consecutive} failures in a row`;
  if (rate !== undefined) {
    const { percentage = DEFAULT_RATE, minRequests = DEFAULT_MIN_REQUESTS } = rate;
    return `${percentage} % failures of at least ${minRequests} requests in ${rate.window ?? `${DEFAULT_WINDOW_MS / 1000}s`}`;
  }
  const { tolerated = DEFAULT_TOLERATED, bad = DEFAULT_BAD } = evidence ?? {};
  return `evidence of more than ${tolerated} % failures, nearer ${bad} %`;
}
