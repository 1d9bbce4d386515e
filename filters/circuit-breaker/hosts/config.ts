// Compiles what makes a host of a cluster slow.

import { ConfigNode, parseDurationOr } from "../../../assembly/config";
import {
  DEFAULT_RESPONSES_PER_FALSE_MARK,
  DEFAULT_SLOW_HOST_MS,
  DEFAULT_TIMES,
  MAX_REQUESTS_PER_FALSE_TRIP,
  MAX_SLOW_MS,
  MAX_TIMES,
  MIN_REQUESTS_PER_FALSE_TRIP,
  MIN_SLOW_MS,
} from "../limits";
import { Evidence } from "../trip/evidence";
import { HostPolicy } from "./peers";

const KEYS: StaticArray<string> = ["slow", "times", "responsesPerFalseMark"];
/**
 * The share of slow responses that any host may have, and that of one which must be marked soon.
 */
const TOLERATED: f64 = 0.2;
const BAD: f64 = 0.6;
const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/** An absent value means the defaults. */
export function parseSlowHosts(node: ConfigNode): HostPolicy {
  node.keys(KEYS);
  const slow = parseDurationOr(node.get("slow"), MIN_SLOW_MS, MAX_SLOW_MS, DEFAULT_SLOW_HOST_MS);
  const times = node.get("times").integerOr(1, MAX_TIMES, DEFAULT_TIMES);
  const responses = node
    .get("responsesPerFalseMark")
    .integerOr(MIN_REQUESTS_PER_FALSE_TRIP, MAX_REQUESTS_PER_FALSE_TRIP, DEFAULT_RESPONSES_PER_FALSE_MARK);
  const evidence = new Evidence(TOLERATED, BAD, <f64>responses);
  return new HostPolicy(<u64>times, slow * NANOSECONDS_PER_MILLISECOND, evidence);
}
