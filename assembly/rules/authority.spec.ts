import { Bytes } from "../text/bytes";
import { foldAuthority, hasPort, hostOf } from "./authority";

/** The folded authority, and its host. */
function folded(text: string): string {
  const authority = foldAuthority(Bytes.of(text));
  return authority.toString() + " " + hostOf(authority).toString();
}

describe("an authority", () => {
  it("has one spelling, whatever its case, its port and the dot behind it", () => {
    expect(folded("shop.example")).toBe("shop.example shop.example");
    expect(folded("Shop.EXAMPLE")).toBe("shop.example shop.example");
    expect(folded("shop.example:80")).toBe("shop.example:80 shop.example");
    expect(folded("SHOP.example:8443")).toBe("shop.example:8443 shop.example");
    expect(folded("shop.example.")).toBe("shop.example shop.example");
    expect(folded("Shop.example.:443")).toBe("shop.example:443 shop.example");
    expect(folded("shop.example:")).toBe("shop.example shop.example");
    expect(folded("shop.example.:")).toBe("shop.example shop.example");
    expect(folded("192.0.2.7:80")).toBe("192.0.2.7:80 192.0.2.7");
  });

  it("has no user", () => {
    expect(folded("ann@shop.example")).toBe("shop.example shop.example");
    expect(folded("ann:secret@Shop.example.:80")).toBe("shop.example:80 shop.example");
    expect(folded("a@b@shop.example")).toBe("shop.example shop.example");
    expect(folded("ann:80@shop.example")).toBe("shop.example shop.example");
  });

  it("may be an IPv6 address", () => {
    expect(folded("[::1]")).toBe("[::1] [::1]");
    expect(folded("[::1]:80")).toBe("[::1]:80 [::1]");
    expect(folded("[2001:DB8::A]:80")).toBe("[2001:db8::a]:80 [2001:db8::a]");
    expect(folded("[::1]:")).toBe("[::1] [::1]");
    expect(folded("::1")).toBe("::1 ::1");
    expect(folded("2001:db8::80")).toBe("2001:db8::80 2001:db8::80");
  });

  it("may be anything that a client sends", () => {
    expect(folded("")).toBe(" ");
    expect(folded(".")).toBe(". .");
    expect(folded(":")).toBe(" ");
    expect(folded(":80")).toBe(":80 ");
    expect(folded("@")).toBe(" ");
    expect(folded("shop.example:http")).toBe("shop.example:http shop.example:http");
    expect(folded("shop.example..")).toBe("shop.example. shop.example.");
    expect(folded("shop%2Eexample")).toBe("shop%2eexample shop%2eexample");
    expect(folded("MÜNCHEN.example")).toBe("mÜnchen.example mÜnchen.example");
    expect(folded("]:[:1")).toBe("]:[:1 ]:[:1");
    expect(folded("a_b:1")).toBe("a_b:1 a_b");
  });

  it("is left where it is when nothing is to change", () => {
    const value = Bytes.of("shop.example:80");
    expect(foldAuthority(value).ptr).toBe(value.ptr);
    expect(hostOf(value).ptr).toBe(value.ptr);
    const upper = Bytes.of("SHOP.example");
    foldAuthority(upper);
    expect(upper.toString()).toBe("SHOP.example");
  });
});

describe("a part of an authority", () => {
  it("ends in a port, or does not", () => {
    expect(hasPort(Bytes.of("shop.example:80"))).toBe(true);
    expect(hasPort(Bytes.of(":8443"))).toBe(true);
    expect(hasPort(Bytes.of("[::1]:80"))).toBe(true);
    expect(hasPort(Bytes.of("shop.example"))).toBe(false);
    expect(hasPort(Bytes.of("shop.example:"))).toBe(false);
    expect(hasPort(Bytes.of("[2001:88"))).toBe(false);
    expect(hasPort(Bytes.of("[::1]"))).toBe(false);
    expect(hasPort(Bytes.of("::1"))).toBe(false);
  });
});
