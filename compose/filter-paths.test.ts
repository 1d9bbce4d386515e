import { describe, expect, it } from "vitest";
import { configsAt, describeRoutes, firstCommonPath, pathParts, runsAt } from "./filter-paths.js";

const on = (...prefixes: string[]) => ({ paths: prefixes.map((prefix) => ({ prefix })) });
const off = (prefix: string) => ({ prefix, disabled: true });

describe("runsAt", () => {
  const api = { paths: [{ prefix: "/" }, off("/api"), { prefix: "/api/v2" }] };

  it.each([
    ["/", true],
    ["/ap", true],
    ["/api", false],
    ["/api/v1", false],
    ["/api/v2", true],
    ["/api/v2/x", true],
  ])("decides %s by the longest prefix", (path, runs) => {
    expect(runsAt(api, path)).toBe(runs);
  });

  it("is everywhere without rules, and nowhere without a rule that matches", () => {
    expect(runsAt({}, "/a")).toBe(true);
    expect(runsAt(on("/a"), "/")).toBe(false);
  });
});

describe("pathParts", () => {
  it("has the longest prefixes first, and all paths last", () => {
    expect(pathParts([on("/a", "/c/d"), on("/a/b")])).toEqual(["/a/b", "/c/d", "/a", "/"]);
    expect(pathParts([{}, {}])).toEqual(["/"]);
  });

  it("stays within the paths of a route", () => {
    expect(pathParts([on("/a", "/a/b", "/c")], "/a")).toEqual(["/a"]);
    expect(pathParts([{ paths: [{ prefix: "/a" }, off("/a/b")] }], "/a")).toEqual(["/a/b", "/a"]);
    expect(pathParts([on("/a")], "/a/b")).toEqual(["/a/b"]);
  });

  it("has no part in which the same filters run as around it", () => {
    expect(pathParts([on("/", "/a", "/a/b")])).toEqual(["/"]);
    expect(pathParts([on("/a"), { paths: [off("/a/b"), { prefix: "/c" }] }])).toEqual(["/a", "/c", "/"]);
  });

  it("says for any path what the rules say", () => {
    const all = [
      on("/a", "/ab"),
      { paths: [{ prefix: "/" }, off("/a/b"), { prefix: "/a/b/c" }] },
      on("/a/b/c/d"),
    ];
    const parts = pathParts(all);
    for (const path of ["/", "/a", "/ab", "/a/b", "/a/b/c", "/a/b/c/d/e", "/b", "/a/bc", "/abc/d"]) {
      const part = parts.find((prefix) => path.startsWith(prefix)) ?? "";
      expect(all.map((each) => runsAt(each, part))).toEqual(all.map((each) => runsAt(each, path)));
    }
  });
});

it("finds where two meet", () => {
  expect(firstCommonPath(on("/a"), on("/b"))).toBeUndefined();
  expect(firstCommonPath(on("/a"), on("/a/b"))).toBe("/a/b");
  expect(firstCommonPath({}, on("/a/b"))).toBe("/a/b");
  expect(firstCommonPath({}, {})).toBe("/");
  expect(firstCommonPath({ paths: [{ prefix: "/" }, off("/a")] }, on("/a"))).toBeUndefined();
});

it("gives routes the filters that run there, and none of those that run everywhere", () => {
  const entries = [{ name: "all" }, { name: "a", ...on("/a") }, { name: "b", ...on("/b") }];
  expect(configsAt(entries, "/a")).toEqual({
    a: { "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", config: {} },
  });
  expect(configsAt(entries, "/")).toEqual({});
});

it("says in words where a filter runs", () => {
  expect(describeRoutes()).toBe("");
  expect(describeRoutes([{ prefix: "/a" }, { name: "login" }, off("/a/b")])).toBe(
    " on /a, the route login, not on /a/b",
  );
});
