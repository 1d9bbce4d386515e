import { describe, expect, test } from "vitest";
import { MAX_NAME, nameProblem, resourceNames } from "./names.js";

test("a name is its parts", () => {
  expect(resourceNames([["web", "orders", "header-routing"], ["web"]])).toEqual([
    "web-orders-header-routing",
    "web",
  ]);
});

test("two things never get one name, in whichever order they come", () => {
  const things = [
    ["a-b", "c"],
    ["a", "b-c"],
    ["a", "b", "c"],
  ];
  const names = resourceNames(things);
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name).toMatch(/^a-b-c-[0-9a-f]{8}$/);
  expect(resourceNames(things.toReversed())).toEqual(names.toReversed());
});

test("an empty part is not shown, and tells things apart", () => {
  const [gateway, service] = resourceNames([
    ["", "gateway", "x"],
    ["gateway", "x"],
  ]);
  expect(gateway).toMatch(/^gateway-x-[0-9a-f]{8}$/);
  expect(service).not.toBe(gateway);
  expect(resourceNames([["", "gateway"]])).toEqual(["gateway"]);
});

test("equal things get equal names, as in two namespaces", () => {
  expect(resourceNames([["tags"], ["tags"]])).toEqual(["tags", "tags"]);
});

test("a long name is cut, and still its own", () => {
  const long = (end: string) => ["s".repeat(41), "t".repeat(41), end];
  const names = resourceNames([
    long("x"),
    long("y"),
    ["a".repeat(MAX_NAME)],
    ["a".repeat(53), "-b".repeat(9)],
  ]);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9-]{0,61}[a-z0-9]$/);
  expect(new Set(names).size).toBe(4);
  expect(names[2]).toBe("a".repeat(MAX_NAME));
});

describe("what Kubernetes takes as a name", () => {
  test.each(["a", "orders", "a-1", "a".repeat(63)])("%s", (name) => {
    expect(nameProblem(name)).toBeUndefined();
  });
  test.each(["", "a-", "-a", "1a", "A", "a_b", "a.b", "a".repeat(64), "ä", "a\n"])("not %j", (name) => {
    expect(nameProblem(name)).toContain("cannot be a name in Kubernetes");
  });
});
