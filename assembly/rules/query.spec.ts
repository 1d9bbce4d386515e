import { Bytes } from "../text/bytes";
import { NamedValues, NameSlots } from "./named-values";
import { readParameters } from "./query";

function parameter(query: string, name: string): string {
  const slots = new NameSlots();
  const slot = slots.slotOf(Bytes.of(name));
  const found = new NamedValues(slots);
  readParameters(Bytes.of(query), found);
  const value = found.get(slot);
  return value ? "<" + value.toString() + ">" : "none";
}

describe("readParameters", () => {
  it("finds a parameter wherever it stands", () => {
    expect(parameter("a=1&b=2&c=3", "a")).toBe("<1>");
    expect(parameter("a=1&b=2&c=3", "b")).toBe("<2>");
    expect(parameter("a=1&b=2&c=3", "c")).toBe("<3>");
    expect(parameter("a=1&a=2", "a")).toBe("<1>");
  });

  it("compares the whole name", () => {
    expect(parameter("beta=1", "bet")).toBe("none");
    expect(parameter("beta=1", "betas")).toBe("none");
    expect(parameter("xbeta=1", "beta")).toBe("none");
    expect(parameter("x=beta=1", "beta")).toBe("none");
  });

  it("tells a parameter without a value from an absent one", () => {
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

  it("keeps a '%' that is not followed by two digits", () => {
    expect(parameter("a=100%", "a")).toBe("<100%>");
    expect(parameter("a=%4", "a")).toBe("<%4>");
    expect(parameter("a=%zz", "a")).toBe("<%zz>");
    expect(parameter("a=%4&b=1", "a")).toBe("<%4>");
  });

  it("reads several parameters in one walk", () => {
    const slots = new NameSlots();
    const names = ["a b", "c", "d", "e"];
    for (let i = 0; i < names.length; i++) slots.slotOf(Bytes.of(names[i]));
    const found = new NamedValues(slots);
    readParameters(Bytes.of("c=%31%32&a+b=%33&x=4&c=5&d&a%20b=6"), found);
    expect(found.get(slots.slotOf(Bytes.of("c")))!.toString()).toBe("12");
    expect(found.get(slots.slotOf(Bytes.of("a b")))!.toString()).toBe("3");
    expect(found.get(slots.slotOf(Bytes.of("d")))!.size).toBe(0);
    expect(found.get(slots.slotOf(Bytes.of("e")))).toBe(null);
  });
});
