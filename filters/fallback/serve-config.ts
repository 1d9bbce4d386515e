// Compiles in place of which answers a rule serves a kept one.

import { Bytes } from "../../assembly";
import { ConfigNode, hasRepeat, parseLabel } from "../../assembly/config";
import {
  DEFAULT_LOCAL_REPLIES,
  MAX_FAILED_STATUS,
  MAX_LOCAL_REPLIES,
  MAX_STATUSES,
  MIN_FAILED_STATUS,
  NETWORK_FAILURES,
  SERVER_ERRORS,
} from "./limits";
import { ServePolicy } from "./policy";

const KEYS: StaticArray<string> = ["statuses", "network", "localReplies"];
const NETWORK_WORDS = StaticArray.fromArray(NETWORK_FAILURES);
const CLASS: StaticArray<string> = [SERVER_ERRORS];
const FIRST_SERVER_ERROR: i32 = 500;

export function parseServe(node: ConfigNode): ServePolicy {
  node.keys(KEYS);
  const policy = new ServePolicy(parseLocalReplies(node.get("localReplies")));
  parseStatuses(node.get("statuses"), policy);
  const network = node.get("network");
  const count = network.present ? network.array(0, NETWORK_WORDS.length) : NETWORK_WORDS.length;
  for (let i = 0; i < count; i++) policy.addNetwork(network.present ? network.at(i).oneOf(NETWORK_WORDS) : i);
  return policy;
}

function parseLocalReplies(node: ConfigNode): StaticArray<Bytes> {
  const count = node.present ? node.array(0, MAX_LOCAL_REPLIES) : DEFAULT_LOCAL_REPLIES.length;
  const replies: Bytes[] = [];
  for (let i = 0; i < count; i++) {
    replies.push(node.present ? parseLabel(node.at(i)) : Bytes.of(DEFAULT_LOCAL_REPLIES[i]));
  }
  if (hasRepeat(replies)) node.fail("name a reply twice");
  return StaticArray.fromArray(replies);
}

function parseStatuses(node: ConfigNode, policy: ServePolicy): void {
  if (!node.present) {
    addServerErrors(policy);
    return;
  }
  const count = node.array(0, MAX_STATUSES);
  for (let i = 0; i < count; i++) {
    const item = node.at(i);
    if (item.isText) {
      item.oneOf(CLASS);
      addServerErrors(policy);
    } else {
      policy.addStatus(<i32>item.integer(MIN_FAILED_STATUS, MAX_FAILED_STATUS));
    }
  }
}

function addServerErrors(policy: ServePolicy): void {
  for (let status = FIRST_SERVER_ERROR; status <= MAX_FAILED_STATUS; status++) policy.addStatus(status);
}
