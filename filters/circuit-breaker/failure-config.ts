// Compiles what counts as a failure.

import { ConfigNode, parseDuration } from "../../assembly/config";
import { Failures, NETWORK_FLAGS, NEVER_SLOW } from "./failures";
import {
  DEFAULT_NETWORK_FAILURES,
  MAX_FAILURE_STATUS,
  MAX_FAILURE_STATUSES,
  MAX_GRPC_FAILURE,
  MAX_SLOW_MS,
  MIN_FAILURE_STATUS,
  MIN_GRPC_FAILURE,
  MIN_SLOW_MS,
  NETWORK_FAILURES,
  RESOURCE_EXHAUSTED,
  SERVER_ERRORS,
  TOO_MANY_REQUESTS,
} from "./limits";

const KEYS: StaticArray<string> = ["statuses", "grpcStatuses", "network", "slow"];
const NETWORK_WORDS = StaticArray.fromArray(NETWORK_FAILURES);
const INCOMPLETE: i32 = NETWORK_WORDS.length - 1;
const CLASS: StaticArray<string> = [SERVER_ERRORS];
const FIRST_SERVER_ERROR: i32 = 500;
const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

export function parseFailures(node: ConfigNode): Failures {
  node.keys(KEYS);
  const failures = new Failures();
  parseStatuses(node.get("statuses"), failures);
  parseGrpcStatuses(node.get("grpcStatuses"), failures);
  parseNetwork(node.get("network"), failures);
  const slow = node.get("slow");
  failures.slow = slow.present
    ? parseDuration(slow, MIN_SLOW_MS, MAX_SLOW_MS) * NANOSECONDS_PER_MILLISECOND
    : NEVER_SLOW;
  return failures;
}

function parseStatuses(node: ConfigNode, failures: Failures): void {
  if (!node.present) {
    addServerErrors(failures);
    return;
  }
  const count = node.array(0, MAX_FAILURE_STATUSES);
  for (let i = 0; i < count; i++) {
    const item = node.at(i);
    if (item.isText) {
      item.oneOf(CLASS);
      addServerErrors(failures);
      continue;
    }
    const status = <i32>item.integer(MIN_FAILURE_STATUS, MAX_FAILURE_STATUS);
    if (status == TOO_MANY_REQUESTS) item.fail("must not be 429, which says that a limit was reached");
    failures.addStatus(status);
  }
}

function addServerErrors(failures: Failures): void {
  for (let status = FIRST_SERVER_ERROR; status <= MAX_FAILURE_STATUS; status++) failures.addStatus(status);
}

function parseGrpcStatuses(node: ConfigNode, failures: Failures): void {
  if (!node.present) {
    failures.addDefaultGrpc();
    return;
  }
  const count = node.array(0, MAX_GRPC_FAILURE);
  for (let i = 0; i < count; i++) {
    const item = node.at(i);
    const status = <u32>item.integer(MIN_GRPC_FAILURE, MAX_GRPC_FAILURE);
    if (status == RESOURCE_EXHAUSTED) item.fail("must not be 8, which says that a limit was reached");
    failures.addGrpc(status);
  }
}

function parseNetwork(node: ConfigNode, failures: Failures): void {
  const words = StaticArray.fromArray(DEFAULT_NETWORK_FAILURES);
  const count = node.present ? node.array(0, NETWORK_WORDS.length) : words.length;
  for (let i = 0; i < count; i++) {
    const word = node.present ? node.at(i).oneOf(NETWORK_WORDS) : NETWORK_WORDS.indexOf(words[i]);
    failures.network |= NETWORK_FLAGS[word];
    if (word == INCOMPLETE) failures.awaitsEnd = true;
  }
}
