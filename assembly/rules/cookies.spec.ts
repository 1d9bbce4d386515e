import { Bytes } from "../text/bytes";
import { CookieWalk, readCookies } from "./cookies";
import { NamedValues, NameSlots } from "./named-values";

function cookie(header: string, name: string): string {
  const slots = new NameSlots();
  const slot = slots.slotOf(Bytes.of(name));
  const found = new NamedValues(slots);
  readCookies(Bytes.of(header), found);
  const value = found.get(slot);
  return value ? "<" + value.toString() + ">" : "none";
}

describe("readCookies", () => {
  it("finds a cookie wherever it stands", () => {
    expect(cookie("a=1; b=2; c=3", "a")).toBe("<1>");
    expect(cookie("a=1; b=2; c=3", "b")).toBe("<2>");
    expect(cookie("a=1; b=2; c=3", "c")).toBe("<3>");
    expect(cookie("a=1;b=2", "b")).toBe("<2>");
  });

  it("compares the whole name", () => {
    expect(cookie("user=1", "use")).toBe("none");
    expect(cookie("user=1", "users")).toBe("none");
    expect(cookie("xuser=1", "user")).toBe("none");
    expect(cookie("a=user=1", "user")).toBe("none");
    expect(cookie("User=1", "user")).toBe("none");
  });

  it("takes the first of several and keeps '=' in a value", () => {
    expect(cookie("a=1; a=2", "a")).toBe("<1>");
    expect(cookie("a=x=y==", "a")).toBe("<x=y==>");
  });

  it("drops one pair of quotes around a value", () => {
    expect(cookie('a="s1"', "a")).toBe("<s1>");
    expect(cookie('a= "s1" ; b=2', "a")).toBe("<s1>");
    expect(cookie('a=""s1""', "a")).toBe('<"s1">');
    expect(cookie('a=""', "a")).toBe("<>");
    expect(cookie('a="', "a")).toBe('<">');
    expect(cookie('a="s1', "a")).toBe('<"s1>');
    expect(cookie('a=s"1"', "a")).toBe('<s"1">');
  });

  it("ignores blanks around a name and a value", () => {
    expect(cookie("a =1", "a")).toBe("<1>");
    expect(cookie("\ta\t= \t1 \t;b=2", "a")).toBe("<1>");
    expect(cookie("a b=1", "a b")).toBe("<1>");
    expect(cookie(" =1", "a")).toBe("none");
  });

  it("reads empty or malformed headers without going past the end", () => {
    expect(cookie("", "a")).toBe("none");
    expect(cookie("a", "a")).toBe("none");
    expect(cookie("a=", "a")).toBe("<>");
    expect(cookie(";;;", "a")).toBe("none");
    expect(cookie("; ;a=1 \t;", "a")).toBe("<1>");
    expect(cookie("=1", "a")).toBe("none");
  });
});

describe("CookieWalk", () => {
  const all = (header: string): string => {
    const walk = new CookieWalk();
    let found = "";
    for (walk.begin(Bytes.of(header)); walk.next(); ) {
      found += "<" + walk.name.toString() + ">" + walk.value.toString() + ";";
    }
    return found;
  };

  it("goes through all cookies in their order, those of one name too", () => {
    expect(all('a=1; b="2"; a=3;a=')).toBe("<a>1;<b>2;<a>3;<a>;");
    expect(all("a; =1;; b = 2 ")).toBe("<>1;<b>2;");
    expect(all("")).toBe("");
    expect(all(";;;")).toBe("");
  });

  it("begins anew with another header", () => {
    const walk = new CookieWalk();
    walk.begin(Bytes.of("a=1; b=2"));
    expect(walk.next()).toBe(true);
    walk.begin(Bytes.of("c=3"));
    expect(walk.next()).toBe(true);
    expect(walk.name.toString()).toBe("c");
    expect(walk.next()).toBe(false);
  });
});
