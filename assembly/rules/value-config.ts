// Compiles one test of one value. Its TypeScript twin is in `filters/shared/match-schema.ts`.

import { viewOf } from "../abi/memory";
import { Bytes } from "../text/bytes";
import { BytesTable } from "../text/bytes-table";
import { ConfigNode } from "../text/config";
import { foldAuthority, hasPort, inLowerCase } from "./authority";
import { MAX_MEMBERS, MAX_TEXT_SIZE, VALUE_TESTS } from "./limits";
import { NO_LEAST, NO_MOST, ValueMatch, ValueTest } from "./value-match";

const MAX_SAFE_INTEGER: i64 = 9007199254740991;
const DOT: u8 = 0x2e;

/** In the order of `ValueTest`. */
export const VALUE_TEST_KEYS = StaticArray.fromArray(VALUE_TESTS);

/**
 * The index in `names` of the one key that the object has; -1, and a failure, if it has none or
 * several.
 */
export function theOneOf(node: ConfigNode, names: StaticArray<string>): i32 {
  if (countPresent(node, names) == 1) {
    for (let i = 0; i < names.length; i++) {
      if (node.get(names[i]).present) return i;
    }
  }
  node.fail("needs exactly one of " + names.join(", "));
  return -1;
}

/** How many of `names` the object has. */
export function countPresent(node: ConfigNode, names: StaticArray<string>): i32 {
  let count = 0;
  for (let i = 0; i < names.length; i++) {
    if (node.get(names[i]).present) count++;
  }
  return count;
}

const NOTHING = new Bytes(0, 0);

/**
 * Compiles the one test that the object has.
 * @param isAuthority whether its texts are folded as the request's authority is
 */
export function parseValueMatch(node: ConfigNode, isAuthority: bool = false): ValueMatch {
  const invert = node.get("invert").boolOr(false);
  const test = theOneOf(node, VALUE_TEST_KEYS);
  if (test < 0) return new ValueMatch(ValueTest.Absent, NOTHING, null, 0, 0, false);
  const operand = node.get(VALUE_TEST_KEYS[test]);
  switch (test) {
    case ValueTest.OneOf:
      return new ValueMatch(test, NOTHING, parseMembers(operand, isAuthority), 0, 0, invert);
    case ValueTest.Present:
    case ValueTest.Absent:
      if (!operand.boolOr(false)) operand.fail("must be true");
      return new ValueMatch(test, NOTHING, null, 0, 0, invert);
    case ValueTest.Range:
      return parseRange(operand, invert);
    default: {
      const text = operand.text(test == ValueTest.Exact ? 0 : 1, MAX_TEXT_SIZE);
      return new ValueMatch(test, isAuthority ? foldTested(text, test) : text, null, 0, 0, invert);
    }
  }
}

function parseMembers(node: ConfigNode, isAuthority: bool): BytesTable {
  const members = new StaticArray<Bytes>(node.array(1, MAX_MEMBERS));
  for (let i = 0; i < members.length; i++) {
    const text = node.at(i).text(0, MAX_TEXT_SIZE);
    members[i] = isAuthority ? foldTested(text, ValueTest.OneOf) : text;
  }
  return new BytesTable(members);
}

/** What a part of an authority is in a folded one. */
function foldTested(text: Bytes, test: ValueTest): Bytes {
  switch (test) {
    case ValueTest.Exact:
    case ValueTest.OneOf:
      return foldAuthority(text).copy();
    case ValueTest.Suffix: {
      const isRooted = text.size > 1 && text.at(text.size - 1) == DOT;
      return inLowerCase(isRooted ? viewOf(text, 0, text.size - 1) : text);
    }
    default:
      return inLowerCase(text);
  }
}

const RANGE_KEYS: StaticArray<string> = ["from", "to"];

function parseRange(node: ConfigNode, invert: bool): ValueMatch {
  node.keys(RANGE_KEYS);
  const from = node.get("from");
  const to = node.get("to");
  if (!from.present && !to.present) node.fail("needs 'from', 'to' or both");
  const low = from.integerOr(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER, NO_LEAST);
  const high = to.integerOr(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER, NO_MOST);
  if (low > high) node.fail("'from' must not be above 'to'");
  return new ValueMatch(ValueTest.Range, NOTHING, null, low, high, invert);
}

/** Whether the texts of a test of an authority end in ports: all must, or none. */
export function endsInPort(item: ConfigNode): bool {
  const list = item.get(VALUE_TESTS[ValueTest.OneOf]);
  if (!list.isArray) {
    for (let i = 0; i < VALUE_TEST_KEYS.length; i++) {
      const text = item.get(VALUE_TEST_KEYS[i]);
      if (text.isText) return hasPort(text.text(0, MAX_TEXT_SIZE));
    }
    return false;
  }
  const size = list.array(1, MAX_MEMBERS);
  let ports = 0;
  for (let i = 0; i < size; i++) if (hasPort(list.at(i).text(0, MAX_TEXT_SIZE))) ports++;
  if (ports > 0 && ports < size) list.fail("must have a port in each of its texts, or in none");
  return ports > 0;
}
