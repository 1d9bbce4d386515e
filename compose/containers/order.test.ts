import { expect, test } from "vitest";
import { awaitedCalls } from "./order.js";

test("a service waits for what it calls", () => {
  const calls = { web: ["orders", "chat"], orders: ["stock"], stock: [], chat: [] };
  expect(awaitedCalls(calls)).toEqual(calls);
});

test("in a circle one does not wait, so that the others can", () => {
  expect(awaitedCalls({ a: ["b"], b: ["c"], c: ["a", "d"], d: ["d"] })).toEqual({
    a: ["b"],
    b: ["c"],
    c: ["d"],
    d: [],
  });
});
