// Reads what becomes of baggage. `schema.ts` is its twin.

import { Bytes } from "../../../assembly";
import { ConfigNode } from "../../../assembly/config";
import { BytesTable } from "../../../assembly/rules";
import { MAX_BAGGAGE_KEY, MAX_BAGGAGE_KEYS, MAX_BAGGAGE_MEMBERS, MAX_BAGGAGE_SIZE } from "../limits";
import { isKeyByte } from "./member";
import { BaggageSettings } from "./settings";

const KEYS: StaticArray<string> = ["maxMembers", "maxBytes", "allow", "deny"];

/** `null` if baggage is none of the filter's business. */
export function parseBaggage(node: ConfigNode): BaggageSettings | null {
  if (!node.present) return null;
  node.keys(KEYS);
  const settings = new BaggageSettings();
  settings.maxMembers = <i32>node.get("maxMembers").integerOr(0, MAX_BAGGAGE_MEMBERS, MAX_BAGGAGE_MEMBERS);
  settings.maxBytes = <i32>node.get("maxBytes").integerOr(0, MAX_BAGGAGE_SIZE, MAX_BAGGAGE_SIZE);
  const allow = node.get("allow");
  const deny = node.get("deny");
  if (allow.present && deny.present) node.fail("needs at most one of allow, deny");
  settings.keysPass = allow.present;
  if (allow.present) settings.keys = parseKeys(allow);
  else if (deny.present) settings.keys = parseKeys(deny);
  return settings;
}

function parseKeys(list: ConfigNode): BytesTable {
  const keys = new StaticArray<Bytes>(list.array(1, MAX_BAGGAGE_KEYS));
  for (let i = 0; i < keys.length; i++) keys[i] = parseKey(list.at(i));
  return new BytesTable(keys);
}

function parseKey(node: ConfigNode): Bytes {
  const key = node.text(1, MAX_BAGGAGE_KEY);
  for (let i = 0; i < key.size; i++) {
    if (isKeyByte(key.at(i))) continue;
    node.fail("must be a key of baggage: letters, digits and marks of a token");
    break;
  }
  return key;
}
