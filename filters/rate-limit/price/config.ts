// Reads how an answer says what its request has cost. Its TypeScript twin is `cost` of `schema.ts`.

import { Bytes } from "../../../assembly";
import { ConfigNode } from "../../../assembly/config";
import { parseTestedHeader } from "../../../assembly/rules";
import {
  DEFAULT_COST,
  DEFAULT_JSON_WEIGHT,
  MAX_ANSWER_STATUS,
  MAX_ANSWER_STATUSES,
  MAX_COST,
  MAX_JSON_KEY_SIZE,
  MAX_JSON_NUMBERS,
  MAX_JSON_PATH,
  MAX_JSON_WEIGHT,
  MIN_ANSWER_STATUS,
} from "../limits";
import { Addend, Price, PriceSource } from "./price";

const ADDEND_KEYS: StaticArray<string> = ["path", "weight"];

/** `null` if the request says the cost. The caller checks the keys of `node`. */
export function parsePrice(node: ConfigNode): Price | null {
  if (!node.present) return null;
  const statuses = node.get("statuses");
  const header = node.get("responseHeader");
  const path = node.get("responseJson");
  const sum = node.get("responseJsonSum");
  if (statuses.present) return ofStatuses(statuses);
  if (!header.present && !path.present && !sum.present) return null;
  const source = header.present ? PriceSource.Header : PriceSource.Json;
  const otherwise = node.get("default").integerOr(0, MAX_COST, DEFAULT_COST);
  const most = node.get("max").integerOr(1, MAX_COST, MAX_COST);
  const price = new Price(source, <u32>otherwise, <u32>most);
  if (header.present) price.header = parseTestedHeader(header);
  else price.addends = sum.present ? parseSum(sum) : [new Addend(parsePath(path), DEFAULT_JSON_WEIGHT)];
  return price;
}

function ofStatuses(node: ConfigNode): Price {
  const price = new Price(PriceSource.Statuses, 0, 1);
  const count = node.array(1, MAX_ANSWER_STATUSES);
  for (let i = 0; i < count; i++) {
    price.addStatus(<i32>node.at(i).integer(MIN_ANSWER_STATUS, MAX_ANSWER_STATUS));
  }
  return price;
}

function parseSum(node: ConfigNode): StaticArray<Addend> {
  const addends = new StaticArray<Addend>(node.array(1, MAX_JSON_NUMBERS));
  for (let i = 0; i < addends.length; i++) {
    const item = node.at(i);
    item.keys(ADDEND_KEYS);
    const weight = <u32>item.get("weight").integerOr(1, MAX_JSON_WEIGHT, DEFAULT_JSON_WEIGHT);
    addends[i] = new Addend(parsePath(item.get("path")), weight);
  }
  return addends;
}

function parsePath(node: ConfigNode): StaticArray<Bytes> {
  const path = new StaticArray<Bytes>(node.array(1, MAX_JSON_PATH));
  for (let i = 0; i < path.length; i++) path[i] = parseKey(node.at(i));
  return path;
}

/** A key is compared with the bytes of the answer, in which these would be escaped. */
function parseKey(node: ConfigNode): Bytes {
  const key = node.text(1, MAX_JSON_KEY_SIZE);
  for (let i = 0; i < key.size; i++) {
    const byte = key.at(i);
    if (byte >= 0x20 && byte != 0x22 && byte != 0x5c) continue;
    node.fail("must have no quotes, backslashes and control characters");
    break;
  }
  return key;
}
