// Compiles the tests of a match that read attributes of the stream: the client's address, the
// route's name, and filter state. Their TypeScript twins are in `filters/shared/match-schema.ts`.

import { propertyPath } from "../host/properties";
import { ConfigNode } from "../text/config";
import { AddressRanges } from "./key/address-ranges";
import { MAX_NAME_SIZE, MAX_RANGES, MAX_TESTS } from "./limits";
import { NamedTest } from "./request-match";
import { RequestSlots } from "./request-slots";
import { CHANGES_OF_TESTS, parseValueMatch, VALUE_TEST_KEYS } from "./value-config";

/** The longest range has 43 bytes. */
const MAX_RANGE_SIZE: i32 = 64;
const ROUTE_NAME = propertyPath(["xds", "route_name"]);
const ROUTE_KEYS = CHANGES_OF_TESTS.concat<StaticArray<string>>(VALUE_TEST_KEYS);
const KEY: StaticArray<string> = ["key"];
const STATE_KEYS = KEY.concat<StaticArray<string>>(ROUTE_KEYS);

/** A list of addresses and CIDR ranges; `null` if it is absent. */
export function parseAddressRanges(node: ConfigNode): AddressRanges | null {
  if (!node.present) return null;
  const ranges = new AddressRanges();
  const size = node.array(1, MAX_RANGES);
  for (let i = 0; i < size; i++) {
    const item = node.at(i);
    if (!ranges.add(item.text(0, MAX_RANGE_SIZE))) item.fail("must be an IP address or a CIDR range");
  }
  ranges.settle();
  return ranges;
}

/** The tests of `route` and of `filterState`. */
export function parseAttributeTests(node: ConfigNode, slots: RequestSlots): StaticArray<NamedTest> {
  const tests: NamedTest[] = [];
  const route = node.get("route");
  if (route.present) {
    route.keys(ROUTE_KEYS);
    tests.push(new NamedTest(slots.attributes.slotOf(ROUTE_NAME), parseValueMatch(route, slots.regexes)));
  }
  const state = node.get("filterState");
  const size = state.present ? state.array(1, MAX_TESTS) : 0;
  for (let i = 0; i < size; i++) tests.push(parseStateTest(state.at(i), slots));
  return StaticArray.fromArray(tests);
}

function parseStateTest(node: ConfigNode, slots: RequestSlots): NamedTest {
  node.keys(STATE_KEYS);
  const key = node.get("key").text(1, MAX_NAME_SIZE);
  // Each word of the path ends with a NUL.
  if (key.indexOf(0) >= 0) node.get("key").fail("must not have a NUL");
  const path = propertyPath(["filter_state", key.toString()]);
  return new NamedTest(slots.attributes.slotOf(path), parseValueMatch(node, slots.regexes));
}
