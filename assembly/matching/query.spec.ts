import { Bytes } from "../text/bytes";
import { findParameter } from "./query";

function parameter(query: string, name: string): string {
  const value = findParameter(Bytes.of(query), Bytes.of(name));
  return value ? "<" + value.toString() + ">" : "none";
}

describe("findParameter", () => {
  it("finds a parameter wherever it stands", () => {
    expect(parameter("a=1&b=2&c=3", "a")).toBe("<1>");
    expect(parameter("a=1&b=2&c=3", "b")).toBe("<2>");
    expect(parameter("a=1&b=2&c=3", "c")).toBe("<3>");
    expect(parameter("a=1&a=2", "a")).toBe("<1>");
  });

  it("takes the whole name", () => {
    expect(parameter("beta=1", "bet")).toBe("none");
    expect(parameter("beta=1", "betas")).toBe("none");
    expect(parameter("xbeta=1", "beta")).toBe("none");
    expect(parameter("x=beta=1", "beta")).toBe("none");
  });

  it("knows a parameter without a value from none", () => {
    expect(parameter("beta", "beta")).toBe("<>");
    expect(parameter("beta=", "beta")).toBe("<>");
    expect(parameter("", "beta")).toBe("none");
    expect(parameter("&&", "beta")).toBe("none");
  });

  it("decodes names and values", () => {
    expect(parameter("user+type=%70remium%21", "user type")).toBe("<premium!>");
    expect(parameter("%75ser=x", "user")).toBe("<x>");
    expect(parameter("a=%C3%A9", "a")).toBe("<é>");
  });

  it("keeps a '%' that no two digits follow", () => {
    expect(parameter("a=100%", "a")).toBe("<100%>");
    expect(parameter("a=%4", "a")).toBe("<%4>");
    expect(parameter("a=%zz", "a")).toBe("<%zz>");
    expect(parameter("a=%4&b=1", "a")).toBe("<%4>");
  });
});
