import { beforeAll, expect, test } from "vitest";
import { FILTERS } from "../../filters/catalog.js";
import { buildFilters, modulePath } from "../../toolchain/compile/build.js";
import { COUNTED, countCalls, renderCallCounts } from "./host-calls.js";

beforeAll(async () => {
  await buildFilters(FILTERS.map(({ name }) => name));
});

// A call more is a cost for every request: whoever adds one says so in the table. A call fewer is
// written there too, or the next one would come back unseen.
test.each(COUNTED)("$filter, $what: $calls host calls, of which $bytes return bytes", (counted) => {
  const { calls, bytes } = counted;
  expect(countCalls(modulePath(counted.filter), counted)).toEqual({ calls, bytes });
});

test("the table has every filter of the catalog", () => {
  const names = new Set(COUNTED.map(({ filter }) => filter));
  expect(FILTERS.map(({ name }) => name).filter((name) => !names.has(name))).toEqual([]);
});

test("the benchmark prints a line for each", () => {
  expect(renderCallCounts()).toHaveLength(COUNTED.length + 1);
});
