import { NO_GRPC_STATUS } from "../../../assembly/abi/types";
import { Reply } from "../../../assembly/host/reply";
import { Bytes } from "../../../assembly/text/bytes";
import { hostEnd } from "./host";
import { PathChange } from "./path-change";
import { Redirect } from "./redirect";

const NOTHING = Bytes.owned(0);

function redirect(): Redirect {
  return new Redirect(new Reply(302, NO_GRPC_STATUS, NOTHING, null, [], NOTHING));
}

/** The location of a request over `http`; empty where there is none. */
function location(by: Redirect, target: string, authority: string, scheme: string = "http"): string {
  const found = by.location(Bytes.of(target), Bytes.of(authority), Bytes.of(scheme));
  return found ? found.toString() : "";
}

describe("a redirect's location", () => {
  it("is a path alone where the host stays", () => {
    const by = redirect();
    by.path = new PathChange(Bytes.of("/new"), -1);
    expect(location(by, "/old?a", "evil.test")).toBe("/new?a");
    expect(location(by, "*", "evil.test")).toBe("/new");
    by.keepsQuery = false;
    expect(location(by, "/old?a", "evil.test")).toBe("/new");
    by.path = new PathChange(Bytes.of(""), 4);
    expect(location(by, "/old//evil.test", "shop.test")).toBe("/evil.test");
    expect(location(by, "/old/\\evil.test", "shop.test")).toBe("/evil.test");
  });

  it("has the port of its scheme unless it names one", () => {
    const by = redirect();
    by.scheme = Bytes.of("https");
    expect(location(by, "/a?b", "shop.test:8080")).toBe("https://shop.test/a?b");
    expect(location(by, "/a", "[2001:db8::1]:8080")).toBe("https://[2001:db8::1]/a");
    by.port = 443;
    expect(location(by, "/a", "shop.test")).toBe("https://shop.test/a");
    by.port = 80;
    expect(location(by, "/a", "shop.test")).toBe("https://shop.test:80/a");
    by.scheme = null;
    expect(location(by, "/a", "shop.test")).toBe("http://shop.test/a");
    expect(location(by, "/a", "shop.test", "https")).toBe("https://shop.test:80/a");
  });

  it("leads to no host but its own, or the request's", () => {
    const by = redirect();
    by.host = Bytes.of("shop.test");
    expect(location(by, "//evil.test/", "evil.test")).toBe("http://shop.test//evil.test/");
    expect(location(by, "@evil.test/", "evil.test")).toBe("http://shop.test/");
    expect(location(by, "/", "evil.test", "javascript")).toBe("http://shop.test/");
    by.keepsQuery = false;
    expect(location(by, "/a?@evil.test", "evil.test")).toBe("http://shop.test/a");
  });

  it("is none where the request has no host, or one with marks of another part of an address", () => {
    const by = redirect();
    by.scheme = Bytes.of("https");
    const hosts = [
      "",
      "a b",
      "shop.test@evil.test",
      "evil.test/",
      "evil.test?",
      "evil.test#",
      "a\r\nb",
      "a:x",
    ];
    for (let i = 0; i < hosts.length; i++) expect(location(by, "/", hosts[i])).toBe("");
    expect(by.location(null, null, null)).toBe(null);
    expect(location(by, "/a\r\nset-cookie: b", "shop.test")).toBe("");
  });
});

describe("hostEnd", () => {
  it("is where the port begins", () => {
    expect(hostEnd(Bytes.of("shop.test"))).toBe(9);
    expect(hostEnd(Bytes.of("shop.test:80"))).toBe(9);
    expect(hostEnd(Bytes.of("[::1]:80"))).toBe(5);
    expect(hostEnd(Bytes.of("[::1]"))).toBe(5);
  });

  it("is -1 for what is no host", () => {
    const texts = [
      ":80",
      "a:",
      "a:123456",
      "a:80:80",
      "[::1",
      "[]",
      "[::1]80",
      "::1",
      "a]",
      "\u00e9",
      "a\\b",
    ];
    for (let i = 0; i < texts.length; i++) expect(hostEnd(Bytes.of(texts[i]))).toBe(-1);
  });
});
