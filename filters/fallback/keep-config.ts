// Compiles which answers a rule keeps.

import { Bytes } from "../../assembly";
import { ConfigNode, parseDurationOr } from "../../assembly/config";
import { BytesTable, parseTestedHeader } from "../../assembly/rules";
import { KeepPolicy, Mark } from "./keep";
import {
  DEFAULT_BODY,
  DEFAULT_KEPT_STATUS,
  DEFAULT_REFRESH_MS,
  MARKS,
  MAX_BODY,
  MAX_KEPT_STATUS,
  MAX_OMITTED_HEADERS,
  MAX_REFRESH_MS,
  MAX_STATUSES,
  MIN_KEPT_STATUS,
  MIN_REFRESH_MS,
  NOT_MODIFIED,
  PARTIAL_CONTENT,
} from "./limits";

const KEYS: StaticArray<string> = ["statuses", "maxBody", "refresh", "despite", "omitHeaders"];
const MARK_WORDS = StaticArray.fromArray(MARKS);
const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

export function parseKeep(node: ConfigNode): KeepPolicy {
  node.keys(KEYS);
  const maxBody = node.get("maxBody").integerOr(0, MAX_BODY, DEFAULT_BODY);
  const refresh = parseDurationOr(node.get("refresh"), MIN_REFRESH_MS, MAX_REFRESH_MS, DEFAULT_REFRESH_MS);
  const omitted = parseOmitted(node.get("omitHeaders"));
  const policy = new KeepPolicy(<i32>maxBody, refresh * NANOSECONDS_PER_MILLISECOND, omitted);
  parseStatuses(node.get("statuses"), policy);
  const despite = node.get("despite");
  const count = despite.present ? despite.array(0, MARK_WORDS.length) : 0;
  for (let i = 0; i < count; i++) policy.ignore(<Mark>despite.at(i).oneOf(MARK_WORDS));
  return policy;
}

function parseOmitted(node: ConfigNode): BytesTable {
  const names = new StaticArray<Bytes>(node.present ? node.array(0, MAX_OMITTED_HEADERS) : 0);
  for (let i = 0; i < names.length; i++) names[i] = parseTestedHeader(node.at(i));
  return new BytesTable(names);
}

function parseStatuses(node: ConfigNode, policy: KeepPolicy): void {
  if (!node.present) {
    policy.addStatus(DEFAULT_KEPT_STATUS);
    return;
  }
  const count = node.array(1, MAX_STATUSES);
  for (let i = 0; i < count; i++) {
    const item = node.at(i);
    const status = <i32>item.integer(MIN_KEPT_STATUS, MAX_KEPT_STATUS);
    if (status == PARTIAL_CONTENT || status == NOT_MODIFIED) item.fail("must not be 206 or 304");
    policy.addStatus(status);
  }
}
