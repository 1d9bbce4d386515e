// Compiles what trips a circuit.

import { ConfigNode, parseDurationOr } from "../../../assembly/config";
import { countPresent, parsePercentage } from "../../../assembly/rules";
import {
  DEFAULT_AT_LEAST,
  DEFAULT_AT_MOST,
  DEFAULT_BAD,
  DEFAULT_MIN_REQUESTS,
  DEFAULT_RATE,
  DEFAULT_REQUESTS_PER_FALSE_TRIP,
  DEFAULT_TOLERATED,
  DEFAULT_WINDOW_MS,
  LEARNED,
  MAX_BAD_PERCENTAGE,
  MAX_CONSECUTIVE,
  MAX_MIN_REQUESTS,
  MAX_REQUESTS_PER_FALSE_TRIP,
  MAX_WINDOW_MS,
  MIN_PERCENTAGE,
  MIN_REQUESTS_PER_FALSE_TRIP,
  MIN_WINDOW_MS,
  TRIPS,
} from "../limits";
import { Evidence, LearnedEvidence } from "./evidence";
import { Rate } from "./rate";
import { Consecutive, Trip } from "./trip";

const TRIP_KEYS = StaticArray.fromArray(TRIPS);
const EVIDENCE_KEYS: StaticArray<string> = ["tolerated", "atLeast", "atMost", "bad", "requestsPerFalseTrip"];
const LEARNED_WORD: StaticArray<string> = [LEARNED];
const RATE_KEYS: StaticArray<string> = ["percentage", "minRequests", "window"];
/** A percentage in hundredths. */
const WHOLE: f64 = 10_000;
const STEPS_PER_PERCENT: u32 = 100;
const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/** What trips the circuit; an absent value means evidence with its defaults. */
export function parseTrip(node: ConfigNode): Trip {
  node.keys(TRIP_KEYS);
  if (countPresent(node, TRIP_KEYS) > 1) node.fail("must have at most one of " + TRIP_KEYS.join(", "));
  const consecutive = node.get("consecutive");
  if (consecutive.present) return new Consecutive(<u32>consecutive.integer(1, MAX_CONSECUTIVE));
  const rate = node.get("rate");
  return rate.present ? parseRate(rate) : parseEvidence(node.get("evidence"));
}

function parseEvidence(node: ConfigNode): Trip {
  node.keys(EVIDENCE_KEYS);
  const bad = parseShare(node.get("bad"), DEFAULT_BAD);
  const requests = node
    .get("requestsPerFalseTrip")
    .integerOr(MIN_REQUESTS_PER_FALSE_TRIP, MAX_REQUESTS_PER_FALSE_TRIP, DEFAULT_REQUESTS_PER_FALSE_TRIP);
  const given = node.get("tolerated");
  const isLearned = given.isText;
  if (isLearned) given.oneOf(LEARNED_WORD);
  const least = node.get("atLeast");
  const most = node.get("atMost");
  if (!isLearned && least.present) least.fail(`needs tolerated: ${LEARNED}`);
  if (!isLearned && most.present) most.fail(`needs tolerated: ${LEARNED}`);
  if (!isLearned) {
    const tolerated = parseShare(given, DEFAULT_TOLERATED);
    if (bad <= tolerated) node.fail("'bad' must be above 'tolerated'");
    return new Evidence(<f64>tolerated / WHOLE, <f64>bad / WHOLE, <f64>requests);
  }
  const atLeast = parseShare(least, DEFAULT_AT_LEAST);
  const atMost = parseShare(most, DEFAULT_AT_MOST);
  if (atMost < atLeast) node.fail("'atMost' must not be below 'atLeast'");
  if (bad <= atMost) node.fail("'bad' must be above 'atMost'");
  return new LearnedEvidence(<f64>atLeast / WHOLE, <f64>atMost / WHOLE, <f64>bad / WHOLE, <f64>requests);
}

function parseRate(node: ConfigNode): Trip {
  node.keys(RATE_KEYS);
  const percentage = node.get("percentage");
  const share = percentage.present ? parsePercentage(percentage) : DEFAULT_RATE * STEPS_PER_PERCENT;
  if (share == 0) percentage.fail(`must be at least ${MIN_PERCENTAGE}`);
  const least = node.get("minRequests").integerOr(1, MAX_MIN_REQUESTS, DEFAULT_MIN_REQUESTS);
  const window = parseDurationOr(node.get("window"), MIN_WINDOW_MS, MAX_WINDOW_MS, DEFAULT_WINDOW_MS);
  return new Rate(share, <u64>least, window * NANOSECONDS_PER_MILLISECOND);
}

/** Hundredths of a per cent, above 0 and below 100 per cent. */
function parseShare(node: ConfigNode, fallback: u32): u32 {
  if (!node.present) return fallback * STEPS_PER_PERCENT;
  node.number(MIN_PERCENTAGE, MAX_BAD_PERCENTAGE);
  return parsePercentage(node);
}
