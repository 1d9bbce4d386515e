// Compiles what a configuration says about claims. Its TypeScript twin is
// `filters/shared/claim-schema.ts`.

import { Bytes } from "../text/bytes";
import { BytesTable } from "../text/bytes-table";
import { ConfigNode } from "../text/config";
import { inLowerCase } from "./authority";
import { AcceptedValues, ClaimMatch } from "./claim-match";
import {
  JWT_NAMESPACE,
  MAX_CLAIM_DEPTH,
  MAX_MEMBERS,
  MAX_NAME_SIZE,
  MAX_TESTS,
  MAX_TEXT_SIZE,
} from "./limits";
import { Regexes } from "./regexes";
import { ClaimTest } from "./request-match";
import { RequestSlots } from "./request-slots";
import {
  CHANGES_OF_TESTS,
  parseIgnoreCase,
  parseValueMatch,
  theOneOf,
  VALUE_TEST_KEYS,
} from "./value-config";
import { ValueMatch, ValueTest } from "./value-match";

const PLACE_KEYS: StaticArray<string> = ["payload", "claim", "namespace"];
const CLAIM_TEST_KEYS =
  PLACE_KEYS.concat<StaticArray<string>>(CHANGES_OF_TESTS).concat<StaticArray<string>>(VALUE_TEST_KEYS);
const DEFAULT_NAMESPACE = Bytes.of(JWT_NAMESPACE);

/** The slot of the claim that an object names, which has no other keys. */
export function parseClaim(node: ConfigNode, slots: RequestSlots): i32 {
  node.keys(PLACE_KEYS);
  return parsePlace(node, slots);
}

/** Tests of claims, all of which must hold; an absent list has none. */
export function parseClaimTests(node: ConfigNode, slots: RequestSlots): StaticArray<ClaimTest> {
  if (!node.present) return [];
  const tests = new StaticArray<ClaimTest>(node.array(1, MAX_TESTS));
  for (let i = 0; i < tests.length; i++) {
    const item = node.at(i);
    item.keys(CLAIM_TEST_KEYS);
    tests[i] = new ClaimTest(parsePlace(item, slots), parseClaimMatch(item, slots.regexes));
  }
  return tests;
}

/**
 * Envoy finds a value in its metadata by the words of its path. Each word ends with a NUL, so none
 * may contain one.
 */
function parsePlace(node: ConfigNode, slots: RequestSlots): i32 {
  const namespace = node.get("namespace");
  const claim = node.get("claim");
  const depth = claim.array(1, MAX_CLAIM_DEPTH);
  const words = new StaticArray<Bytes>(2 + depth);
  words[0] = namespace.present ? parseWord(namespace) : DEFAULT_NAMESPACE;
  words[1] = parseWord(node.get("payload"));
  for (let i = 0; i < depth; i++) words[2 + i] = parseWord(claim.at(i));
  return slots.claims.slotOf(words);
}

function parseWord(node: ConfigNode): Bytes {
  const word = node.text(1, MAX_NAME_SIZE);
  if (word.indexOf(0) >= 0) node.fail("must not have a NUL");
  return word;
}

function parseClaimMatch(node: ConfigNode, regexes: Regexes): ClaimMatch {
  const accepted = new AcceptedValues();
  const invert = node.get("invert").boolOr(false);
  const test = theOneOf(node, VALUE_TEST_KEYS);
  if (test != ValueTest.Exact && test != ValueTest.OneOf) {
    return new ClaimMatch(max(0, test), parseValueMatch(node, regexes), accepted, invert);
  }
  const ignoresCase = parseIgnoreCase(node);
  const operand = node.get(VALUE_TEST_KEYS[test]);
  const texts: Bytes[] = [];
  if (test == ValueTest.Exact) accept(operand, accepted, texts);
  else {
    const size = operand.array(1, MAX_MEMBERS);
    for (let i = 0; i < size; i++) accept(operand.at(i), accepted, texts);
  }
  return new ClaimMatch(test, oneOfTexts(texts, ignoresCase), accepted, invert);
}

function oneOfTexts(texts: Array<Bytes>, ignoresCase: bool): ValueMatch {
  const match = new ValueMatch(ValueTest.OneOf, false);
  for (let i = 0; i < texts.length && ignoresCase; i++) texts[i] = inLowerCase(texts[i]);
  match.members = new BytesTable(StaticArray.fromArray(texts));
  if (ignoresCase) match.ignoreCase();
  return match;
}

/** Adds the text, number, boolean or null at this place to what a claim may be. */
function accept(node: ConfigNode, accepted: AcceptedValues, texts: Array<Bytes>): void {
  if (node.isText) texts.push(node.text(0, MAX_TEXT_SIZE));
  else if (node.isNumber) accepted.numbers.push(node.number(-f64.MAX_VALUE, f64.MAX_VALUE));
  else if (node.isNull) accepted.isNull = true;
  else if (!node.isBool) node.fail("must be a text, a number, true, false or null");
  else if (node.boolOr(false)) accepted.isTrue = true;
  else accepted.isFalse = true;
}
