// Compiles one test of one value. Its TypeScript twin is in `filters/shared/match-schema.ts`.

import { viewOf } from "../abi/memory";
import { Bytes } from "../text/bytes";
import { BytesTable } from "../text/bytes-table";
import { ConfigNode } from "../text/config";
import { foldAuthority, hasPort, inLowerCase } from "./authority";
import { CASE_TESTS, MAX_MEMBERS, MAX_TEXT_SIZE, VALUE_TESTS } from "./limits";
import { Regexes } from "./regexes";
import { NO_LEAST, NO_MOST, ValueMatch, ValueTest } from "./value-match";

const MAX_SAFE_INTEGER: i64 = 9007199254740991;
const DOT: u8 = 0x2e;

/** In the order of `ValueTest`. */
export const VALUE_TEST_KEYS = StaticArray.fromArray(VALUE_TESTS);
/** Keys that stand beside a test. */
export const CHANGES_OF_TESTS: StaticArray<string> = ["invert", "ignoreCase"];
const CASE_TEST_KEYS = StaticArray.fromArray(CASE_TESTS);

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

/**
 * Compiles the one test that the object has.
 * @param isAuthority whether its texts are folded as the request's authority is
 */
export function parseValueMatch(node: ConfigNode, regexes: Regexes, isAuthority: bool = false): ValueMatch {
  const test = theOneOf(node, VALUE_TEST_KEYS);
  const match = new ValueMatch(test < 0 ? ValueTest.Absent : test, node.get("invert").boolOr(false));
  if (test < 0) return match;
  const ignoresCase = parseIgnoreCase(node);
  const operand = node.get(VALUE_TEST_KEYS[test]);
  switch (test) {
    case ValueTest.OneOf:
      match.members = parseMembers(operand, isAuthority, ignoresCase);
      break;
    case ValueTest.Regex:
      match.regex = regexes.parse(operand);
      break;
    case ValueTest.Present:
    case ValueTest.Absent:
      if (!operand.boolOr(false)) operand.fail("must be true");
      break;
    case ValueTest.Range:
      parseRange(operand, match);
      break;
    default:
      match.operand = parseText(operand, test == ValueTest.Exact ? 0 : 1, test, isAuthority, ignoresCase);
  }
  if (ignoresCase) match.ignoreCase();
  return match;
}

/** Whether upper and lower case are the same; only tests of `CASE_TESTS` may say so. */
export function parseIgnoreCase(node: ConfigNode): bool {
  const ignoreCase = node.get("ignoreCase");
  if (ignoreCase.present && countPresent(node, CASE_TEST_KEYS) == 0) {
    ignoreCase.fail(`is for ${CASE_TESTS.join(", ")}; a regex has (?i)`);
  }
  return ignoreCase.boolOr(false);
}

/** A text that values are compared with. */
function parseText(
  node: ConfigNode,
  least: i32,
  test: ValueTest,
  isAuthority: bool,
  ignoresCase: bool,
): Bytes {
  const text = node.text(least, MAX_TEXT_SIZE);
  if (isAuthority) return foldTested(text, test);
  return ignoresCase ? inLowerCase(text) : text;
}

function parseMembers(node: ConfigNode, isAuthority: bool, ignoresCase: bool): BytesTable {
  const members = new StaticArray<Bytes>(node.array(1, MAX_MEMBERS));
  for (let i = 0; i < members.length; i++) {
    members[i] = parseText(node.at(i), 0, ValueTest.OneOf, isAuthority, ignoresCase);
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

function parseRange(node: ConfigNode, match: ValueMatch): void {
  node.keys(RANGE_KEYS);
  const from = node.get("from");
  const to = node.get("to");
  if (!from.present && !to.present) node.fail("needs 'from', 'to' or both");
  match.from = from.integerOr(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER, NO_LEAST);
  match.to = to.integerOr(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER, NO_MOST);
  if (match.from > match.to) node.fail("'from' must not be above 'to'");
}

/**
 * Whether the texts of a test of an authority end in ports: all must, or none. A regular expression
 * is about the host alone.
 */
export function endsInPort(item: ConfigNode): bool {
  const list = item.get(VALUE_TESTS[ValueTest.OneOf]);
  if (!list.isArray) {
    for (let i = 0; i < VALUE_TEST_KEYS.length; i++) {
      if (i == ValueTest.Regex) continue;
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
