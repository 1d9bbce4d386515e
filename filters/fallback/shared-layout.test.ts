// The bytes that the filter keeps in shared data. A test that fails here says that a layout has
// changed: raise the layout's version in its source, then write down the new keys and bytes.

import { beforeAll, expect, test } from "vitest";
import type { HeaderList } from "../../kit/traffic.js";
import { layout, predictable, sharedLayout } from "../../test/support/shared-layout.js";
import { buildFilters } from "../../toolchain/compile/build.js";

const REQUEST: HeaderList = [
  [":method", "GET"],
  [":path", "/tea"],
  [":authority", "shop.test"],
  [":scheme", "http"],
];

const CACHE_CONTROL = "max-age=60, stale-if-error=30, stale-while-revalidate=10";

const hex = (text: string) => Buffer.from(text).toString("hex");
const size = (text: string) => hex(String.fromCharCode(text.length, 0, 0, 0));
const sized = (text: string) => size(text) + hex(text);
const header = (name: string, value: string) => size(name) + size(value) + hex(name + value);

let path: string;

beforeAll(async () => {
  const [built] = await buildFilters(["fallback"]);
  path = built?.path ?? "";
}, 120_000);

test("a kept answer, and its record in the directory", () => {
  const module = predictable(path);
  const rules = [{ name: "tea", keep: { refresh: "1s" } }];
  expect(module.configure(JSON.stringify({ rules })).accepted).toBe(true);
  const stream = module.open(REQUEST, { endOfStream: true });
  stream.responseHeaders([
    [":status", "200"],
    ["age", "3"],
    ["cache-control", CACHE_CONTROL],
    ["x-a", "b"],
  ]);
  stream.responseBody("green", true);
  stream.close();
  expect(sharedLayout(module)).toEqual({
    "5:rules,4:seed,1:1,": layout(16, "07".repeat(16)),
    // Tag, when it was kept, when it was counted, score, lease.
    fdPF1BrLghIAAA: layout(8 * 32, "ec25cd9f9de49c21 00a0b83046030000 00a0b83046030000 01000000 00000000"),
    fal1Nck0KEgAAA: layout(
      0,
      // When it arrived, its age, how long it is fresh, usable on error, and usable meanwhile.
      "00a0b83046030000 03000000 3c000000 5a000000 46000000",
      // The status, the number of headers, and the sizes of the key, the headers and the body.
      "c8000000 02000000 1d000000 59000000 05000000 00000000",
      header("cache-control", CACHE_CONTROL),
      header("x-a", "b"),
      sized("http"),
      sized("shop.test"),
      sized("/tea"),
      hex("green"),
    ),
  });
});
