import { Bytes } from "../../../assembly/text/bytes";
import { isPath, PathChange } from "./path-change";

/** What becomes of a path when the prefix is replaced; both are without a slash at the end. */
function replaced(prefix: string, replacement: string, target: string): string {
  return new PathChange(Bytes.of(replacement), prefix.length).of(Bytes.of(target), true).toString();
}

describe("PathChange", () => {
  it("replaces a prefix as the Gateway API says", () => {
    expect(replaced("/foo", "/xyz", "/foo/bar")).toBe("/xyz/bar");
    expect(replaced("/foo", "/xyz", "/foo")).toBe("/xyz");
    expect(replaced("/foo", "/xyz", "/foo/")).toBe("/xyz/");
    expect(replaced("/foo", "", "/foo/bar")).toBe("/bar");
    expect(replaced("/foo", "", "/foo/")).toBe("/");
    expect(replaced("/foo", "", "/foo")).toBe("/");
    expect(replaced("", "/xyz", "/foo")).toBe("/xyz/foo");
    expect(replaced("", "/xyz", "/")).toBe("/xyz/");
    expect(replaced("", "", "/a")).toBe("/a");
  });

  it("keeps the query, and what looks like the prefix in it", () => {
    expect(replaced("/foo", "/xyz", "/foo?a=/foo//b")).toBe("/xyz?a=/foo//b");
    expect(replaced("/foo", "", "/foo?a")).toBe("/?a");
    expect(replaced("/foo", "", "/foo/?a?b")).toBe("/?a?b");
    expect(replaced("/foo", "", "/foo#a?b")).toBe("/#a?b");
    const change = new PathChange(Bytes.of("/new"), -1);
    expect(change.of(Bytes.of("/old?a=1&b"), true).toString()).toBe("/new?a=1&b");
    expect(change.of(Bytes.of("/old"), true).toString()).toBe("/new");
    expect(change.of(Bytes.of("/old?a=1"), false).toString()).toBe("/new");
  });

  it("makes one slash of those where the parts meet, so that no path begins with two", () => {
    expect(replaced("/foo", "", "/foo//evil.test/a//b")).toBe("/evil.test/a//b");
    expect(replaced("/foo", "", "/foo/\\evil.test")).toBe("/evil.test");
    expect(replaced("/foo", "", "/foo/\\/\\//evil.test")).toBe("/evil.test");
    expect(replaced("/foo", "", "/foo////")).toBe("/");
    expect(replaced("/foo", "", "/foo//?//a")).toBe("/?//a");
    expect(replaced("/foo", "/xyz", "/foo//bar")).toBe("/xyz/bar");
    expect(replaced("", "", "//evil.test")).toBe("/evil.test");
  });

  it("leaves the target as it is", () => {
    const target = Bytes.of("/foo//bar?a");
    new PathChange(Bytes.of(""), 4).of(target, false);
    expect(target.toString()).toBe("/foo//bar?a");
  });
});

describe("isPath", () => {
  it("is false for what OPTIONS and CONNECT may have", () => {
    expect(isPath(Bytes.of("/"))).toBe(true);
    expect(isPath(Bytes.of("*"))).toBe(false);
    expect(isPath(Bytes.of("shop.test:443"))).toBe(false);
    expect(isPath(Bytes.of(""))).toBe(false);
  });
});
