// Compiles the `match` part of a filter's configuration. Its TypeScript twin is
// `filters/shared/match-schema.ts`.

import { Bytes } from "../text/bytes";
import { ConfigNode } from "../text/config";
import { BUCKETS } from "../text/hash";
import { isHeaderName, isReservedHeader } from "../text/header-name";
import { MAX_HEADER_NAME_SIZE } from "../text/limits";
import { parseAddressRanges, parseAttributeTests } from "./attribute-config";
import { inLowerCase } from "./authority";
import { parseClaimTests } from "./claim-config";
import {
  AUTHORITY_HEADER,
  MAX_ALTERNATIVES,
  MAX_MATCH_DEPTH,
  MAX_METHOD_SIZE,
  MAX_METHODS,
  MAX_NAME_SIZE,
  MAX_PERCENTAGE,
  MAX_TESTS,
  MAX_TEXT_SIZE,
  PATH_TESTS,
  SCHEME_HEADER,
  STEPS_PER_PERCENT,
} from "./limits";
import { NameSlots } from "./named-values";
import { Regexes } from "./regexes";
import { NamedTest, RequestMatch } from "./request-match";
import { RequestSlots } from "./request-slots";
import {
  CHANGES_OF_TESTS,
  endsInPort,
  parseIgnoreCase,
  parseValueMatch,
  theOneOf,
  VALUE_TEST_KEYS,
} from "./value-config";
import { ValueMatch, ValueTest } from "./value-match";

const MATCH_KEYS: StaticArray<string> = [
  "method",
  "path",
  "headers",
  "query",
  "cookies",
  "claims",
  "clientAddress",
  "route",
  "filterState",
  "anyOf",
  "not",
];
const PERCENTAGE: StaticArray<string> = ["percentage"];
const OUTER_MATCH_KEYS = MATCH_KEYS.concat<StaticArray<string>>(PERCENTAGE);
const PATH_TEST_KEYS = StaticArray.fromArray(PATH_TESTS);
/** In the order of `PATH_TESTS`. */
const TESTS_OF_PATHS: StaticArray<ValueTest> = [
  ValueTest.Exact,
  ValueTest.Prefix,
  ValueTest.Suffix,
  ValueTest.Regex,
  ValueTest.Segments,
];
const IGNORE_CASE: StaticArray<string> = ["ignoreCase"];
const PATH_KEYS = IGNORE_CASE.concat<StaticArray<string>>(PATH_TEST_KEYS);
const SLASH: u8 = 0x2f;
const NAME: StaticArray<string> = ["name"];
const NAMED_TEST_KEYS =
  NAME.concat<StaticArray<string>>(CHANGES_OF_TESTS).concat<StaticArray<string>>(VALUE_TEST_KEYS);

/**
 * Compiles a match; an absent one matches every request. `reserved` is a request header that the
 * filter itself writes, or `null`: no test may name it.
 */
export function parseMatch(
  node: ConfigNode,
  slots: RequestSlots,
  reserved: Bytes | null = null,
): RequestMatch {
  if (!node.present) return new RequestMatch();
  node.keys(OUTER_MATCH_KEYS);
  const match = parseTests(node, slots, reserved, 1);
  match.share = parsePercentage(node.get("percentage"));
  return match;
}

/** Compiles everything but the percentage, which only the outermost match has. */
function parseTests(node: ConfigNode, slots: RequestSlots, reserved: Bytes | null, depth: i32): RequestMatch {
  const match = new RequestMatch();
  match.methods = parseMethods(node.get("method"));
  match.path = parsePath(node.get("path"), slots);
  match.headers = parseHeaderTests(node.get("headers"), slots, reserved);
  match.parameters = parseNamedTests(node.get("query"), slots.parameters, slots.regexes);
  match.cookies = parseNamedTests(node.get("cookies"), slots.cookies, slots.regexes);
  match.claims = parseClaimTests(node.get("claims"), slots);
  match.addresses = parseAddressRanges(node.get("clientAddress"));
  match.attributes = parseAttributeTests(node, slots);
  parseWithin(node, match, slots, reserved, depth);
  match.settle();
  if (match.methods.length > 0) slots.needMethod();
  if (match.path || match.parameters.length > 0) slots.needPath();
  if (match.cookies.length > 0) slots.needCookie();
  return match;
}

function parseWithin(
  node: ConfigNode,
  match: RequestMatch,
  slots: RequestSlots,
  reserved: Bytes | null,
  depth: i32,
): void {
  const anyOf = node.get("anyOf");
  const not = node.get("not");
  if (anyOf.present) {
    match.anyOf = new StaticArray<RequestMatch>(anyOf.array(1, MAX_ALTERNATIVES));
    for (let i = 0; i < match.anyOf.length; i++) {
      match.anyOf[i] = parseInner(anyOf.at(i), slots, reserved, depth + 1);
    }
  }
  if (not.present) match.not = parseInner(not, slots, reserved, depth + 1);
}

/** A match within another one, which must name something. */
function parseInner(node: ConfigNode, slots: RequestSlots, reserved: Bytes | null, depth: i32): RequestMatch {
  if (depth > MAX_MATCH_DEPTH) node.fail(`is nested deeper than ${MAX_MATCH_DEPTH}`);
  node.keys(MATCH_KEYS);
  if (node.objectLength == 0) node.fail(`needs at least one of ${MATCH_KEYS.join(", ")}`);
  return depth > MAX_MATCH_DEPTH ? new RequestMatch() : parseTests(node, slots, reserved, depth);
}

/**
 * A percentage from 0 to 100 in steps of 0.01, as buckets of `BUCKETS`; absent means all of them.
 */
export function parsePercentage(node: ConfigNode): u32 {
  if (!node.present) return BUCKETS;
  const percentage = node.number(0, MAX_PERCENTAGE);
  const buckets = Math.round(percentage * STEPS_PER_PERCENT);
  if (buckets / STEPS_PER_PERCENT != percentage) node.fail("must be a multiple of 0.01");
  return <u32>buckets;
}

/** The name of a header that a filter writes. */
export function parseWrittenHeader(node: ConfigNode): Bytes {
  const name = node.text(1, MAX_HEADER_NAME_SIZE);
  if (!isHeaderName(name)) node.fail("must be a header name in lower case");
  else if (isReservedHeader(name)) node.fail("must not be a header that has a meaning of its own");
  return name;
}

/** The response header in which a filter explains its decision; `null` if it must not. */
export function parseExplainHeader(node: ConfigNode): Bytes | null {
  return node.present ? parseWrittenHeader(node) : null;
}

const AUTHORITY = Bytes.of(AUTHORITY_HEADER);
const SCHEME = Bytes.of(SCHEME_HEADER);
const HOST = Bytes.of("host");

/**
 * The name of a header that a filter reads. Pseudo-headers that identify a request are allowed too.
 * `host` becomes `:authority`: Envoy finds the value under both names, but lists it among all
 * headers only as `:authority`.
 */
export function parseTestedHeader(node: ConfigNode): Bytes {
  const name = node.text(1, MAX_HEADER_NAME_SIZE);
  if (name.equals(HOST)) return AUTHORITY;
  if (isHeaderName(name) || name.equals(AUTHORITY) || name.equals(SCHEME)) return name;
  node.fail("must be a header name in lower case, or :authority or :scheme");
  return name;
}

function parseMethods(node: ConfigNode): StaticArray<Bytes> {
  if (!node.present) return [];
  if (node.isText) return [parseMethod(node)];
  if (!node.isArray) {
    node.fail("must be a method or a list of methods");
    return [];
  }
  const methods = new StaticArray<Bytes>(node.array(1, MAX_METHODS));
  for (let i = 0; i < methods.length; i++) methods[i] = parseMethod(node.at(i));
  return methods;
}

/** The required method at this place: 1 to 32 capital letters. */
export function parseMethod(node: ConfigNode): Bytes {
  const method = node.text(1, MAX_METHOD_SIZE);
  for (let i = 0; i < method.size; i++) {
    const byte = method.at(i);
    if (byte < 0x41 || byte > 0x5a) {
      node.fail("must be a method in capitals");
      break;
    }
  }
  return method;
}

/** A test of the path; `null` if there is none. */
function parsePath(node: ConfigNode, slots: RequestSlots): ValueMatch | null {
  if (!node.present) return null;
  node.keys(PATH_KEYS);
  const found = theOneOf(node, PATH_TEST_KEYS);
  if (found < 0) return null;
  const test = TESTS_OF_PATHS[found];
  const match = new ValueMatch(test, false);
  const ignoresCase = parseIgnoreCase(node);
  const operand = node.get(PATH_TEST_KEYS[found]);
  if (test == ValueTest.Regex) {
    match.regex = slots.regexes.parse(operand);
    return match;
  }
  const text = operand.text(1, MAX_TEXT_SIZE);
  match.operand = ignoresCase ? inLowerCase(text) : text;
  if (test == ValueTest.Segments) match.operand = parseSegments(operand, match.operand);
  if (ignoresCase) match.ignoreCase();
  return match;
}

/** The path without a `/` at its end, which makes no difference. */
function parseSegments(node: ConfigNode, path: Bytes): Bytes {
  if (path.size == 0) return path;
  if (path.at(0) != SLASH) node.fail("must begin with '/'");
  if (path.at(path.size - 1) != SLASH) return path;
  const shorter = path.copy();
  shorter.size--;
  return shorter;
}

function parseHeaderTests(
  node: ConfigNode,
  slots: RequestSlots,
  reserved: Bytes | null,
): StaticArray<NamedTest> {
  if (!node.present) return [];
  const tests = new StaticArray<NamedTest>(node.array(1, MAX_TESTS));
  for (let i = 0; i < tests.length; i++) {
    const item = node.at(i);
    item.keys(NAMED_TEST_KEYS);
    const name = parseTestedHeader(item.get("name"));
    if (reserved && name.equals(reserved)) {
      item.get("name").fail("is written by this filter, which first removes what a client sent");
    }
    if (name.equals(AUTHORITY)) tests[i] = parseAuthorityTest(item, slots);
    else tests[i] = new NamedTest(slots.headers.slotOf(name), parseValueMatch(item, slots.regexes));
  }
  return tests;
}

/**
 * A test of `:authority` is about the host alone, unless its text ends in a port. The text is
 * folded as the request's authority is.
 */
function parseAuthorityTest(item: ConfigNode, slots: RequestSlots): NamedTest {
  const match = parseValueMatch(item, slots.regexes, true);
  return new NamedTest(endsInPort(item) ? slots.needAuthority() : slots.header(AUTHORITY), match);
}

function parseNamedTests(node: ConfigNode, slots: NameSlots, regexes: Regexes): StaticArray<NamedTest> {
  if (!node.present) return [];
  const tests = new StaticArray<NamedTest>(node.array(1, MAX_TESTS));
  for (let i = 0; i < tests.length; i++) {
    const item = node.at(i);
    item.keys(NAMED_TEST_KEYS);
    const slot = slots.slotOf(item.get("name").text(1, MAX_NAME_SIZE));
    tests[i] = new NamedTest(slot, parseValueMatch(item, regexes));
  }
  return tests;
}
