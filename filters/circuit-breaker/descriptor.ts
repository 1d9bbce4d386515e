// What the toolkit knows about circuit-breaker beside its module.

import { defineFilter, explainPropertyOf, type FilterChain, type FilterState } from "../descriptor.js";
import {
  DEFAULT_BAD,
  DEFAULT_MIN_REQUESTS,
  DEFAULT_RATE,
  DEFAULT_THROTTLE_RATIO,
  DEFAULT_TIMES,
  DEFAULT_TOLERATED,
  DEFAULT_WINDOW_MS,
  DESTINATION_HEADER,
  DOWNSTREAM,
  OUTLIER_HEADER,
  UPSTREAM,
} from "./limits.js";
import { type CircuitBreakerConfig, circuitBreakerSchema } from "./schema.js";

type Rule = CircuitBreakerConfig["rules"][number];

export default defineFilter({
  name: "circuit-breaker",
  summary: "stops requests to an upstream that fails, and tries it again with a few",
  schema: circuitBreakerSchema,
  metricLabels: ["rule", "outcome", "to", "reason", "state"],
  chain: chainOf,
  destinations: ({ rules }) =>
    rules.flatMap(({ destination }, i) =>
      destination === undefined ? [] : [{ name: destination, path: ["rules", i, "destination"] }],
    ),
  choosesDestination: ({ rules, keepDestination = false }) =>
    !keepDestination && rules.some(({ destination }) => destination !== undefined),
  destinationHeader: headerOf,
  restartKeys: (config) => ({ where: chainOf(config), destinationHeader: headerOf(config) }),
  routerHeaders: marksOf,
  outlierHeaders: marksOf,
  explainProperties: (config) => explainPropertyOf(config),
  states: (config) => (chainOf(config) === UPSTREAM ? [] : config.rules.flatMap(statesOf)),
  describe: (config) => config.rules.map(chainOf(config) === UPSTREAM ? describeHosts : describeRule),
});

function chainOf({ where = DOWNSTREAM }: CircuitBreakerConfig): FilterChain {
  return where;
}

function marksOf(config: CircuitBreakerConfig): readonly string[] {
  return chainOf(config) === UPSTREAM ? [OUTLIER_HEADER] : [];
}

function describeHosts({ name, slowHosts, shadow }: Rule): string {
  const { times = DEFAULT_TIMES } = slowHosts ?? {};
  return `${name} → marks hosts that take ${times} times as long as others${shadow === true ? " (shadow)" : ""}`;
}

function headerOf({ destinationHeader = DESTINATION_HEADER }: CircuitBreakerConfig): string {
  return destinationHeader;
}

/** All that a circuit can be but closed. */
const STATES = ["open", "half-open"];

function statesOf({ name }: Rule): readonly FilterState[] {
  return STATES.map((state) => ({
    gauge: `meshwright.circuit_breaker.circuits;rule=${name};state=${state}`,
    words: `${name} ${state}`,
  }));
}

function describeRule({ name, trip, throttle, destination, force, shadow }: Rule): string {
  const refused = destination === undefined ? "refuses" : `sends to ${destination}`;
  const policy = throttle === undefined ? `after ${describeTrip(trip)}` : describeThrottle(throttle);
  const when = force === undefined ? policy : `forced ${force}`;
  return `${name} → ${refused} ${when}${shadow === true ? " (shadow)" : ""}`;
}

function describeThrottle({ ratio = DEFAULT_THROTTLE_RATIO }: NonNullable<Rule["throttle"]>): string {
  return `what exceeds ${ratio} times the accepted requests`;
}

function describeTrip({ consecutive, rate, evidence }: NonNullable<Rule["trip"]> = {}): string {
  if (consecutive !== undefined) return `${consecutive} failures in a row`;
  if (rate !== undefined) {
    const { percentage = DEFAULT_RATE, minRequests = DEFAULT_MIN_REQUESTS } = rate;
    return `${percentage} % failures of at least ${minRequests} requests in ${rate.window ?? `${DEFAULT_WINDOW_MS / 1000}s`}`;
  }
  const { tolerated = DEFAULT_TOLERATED, bad = DEFAULT_BAD } = evidence ?? {};
  const share = typeof tolerated === "number" ? `${tolerated} % failures` : "the usual failures";
  return `evidence of more than ${share}, nearer ${bad} %`;
}
