// The grammar and the limits of `tracestate`.

import { Bytes } from "../../../assembly/text/bytes";
import { Tracestate } from "./tracestate";

const tracestate = new Tracestate();

/**
 * What is forwarded from these headers, one a line, with " and a fault" where something in them is
 * invalid; "dropped" for a list that is dropped whole.
 */
function forwarded(headers: string, maxBytes: i32 = 512): string {
  tracestate.clear();
  const values = headers.split("\n");
  for (let i = 0; i < values.length; i++) tracestate.add(Bytes.of(values[i]));
  if (tracestate.dropped) return tracestate.hasFault && tracestate.size == 0 ? "dropped" : "wrong";
  tracestate.limit(maxBytes);
  const written = Bytes.owned(tracestate.size);
  tracestate.write(written.ptr);
  return written.toString() + (tracestate.hasFault ? " and a fault" : "");
}

/** `count` members of 8 bytes each, from "bar01=01" onwards. */
function members(count: i32): string {
  let list = "";
  for (let i = 1; i <= count; i++) {
    const number = i.toString().padStart(2, "0");
    list += (i == 1 ? "" : ",") + "bar" + number + "=" + number;
  }
  return list;
}

/** A member of exactly `size` bytes. */
function sized(key: string, size: i32): string {
  return key + "=" + "x".repeat(size - key.length - 1);
}

describe("Tracestate", () => {
  it("keeps members and their order", () => {
    expect(forwarded("foo=1,bar=2")).toBe("foo=1,bar=2");
    expect(forwarded("foo=1,bar=2\nrojo=1,congo=2\nbaz=3")).toBe("foo=1,bar=2,rojo=1,congo=2,baz=3");
  });

  it("drops empty members and blanks around members", () => {
    expect(forwarded("")).toBe("");
    expect(forwarded(" \t , ,,")).toBe("");
    expect(forwarded("foo=1\n")).toBe("foo=1");
    expect(forwarded("\nfoo=1")).toBe("foo=1");
    expect(forwarded("foo=1 \t , \t bar=2, \t baz=3")).toBe("foo=1,bar=2,baz=3");
    expect(forwarded("\t foo=1 \t")).toBe("foo=1");
  });

  it("keeps blanks within a value", () => {
    expect(forwarded("foo=  a b ,bar=2")).toBe("foo=  a b,bar=2");
    expect(forwarded("foo=  a b \t")).toBe("foo=  a b");
  });

  it("accepts every byte that a key and a value may have", () => {
    const key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let value = "";
    for (let code = 0x20; code <= 0x7e; code++) {
      if (code != 0x2c && code != 0x3d) value += String.fromCharCode(code);
    }
    expect(forwarded(key + "=" + value)).toBe(key + "=" + value);
    expect(forwarded("0" + key + "@a-z0-9_-*/=" + value)).toBe("0" + key + "@a-z0-9_-*/=" + value);
  });

  it("accepts a key that begins with a digit, and an @ anywhere but at the beginning", () => {
    expect(forwarded("1a2b=x,foo=1")).toBe("1a2b=x,foo=1");
    expect(forwarded("1=x")).toBe("1=x");
    expect(forwarded("foo@=1,bar=2")).toBe("foo@=1,bar=2");
    expect(forwarded("foo@1bar=1")).toBe("foo@1bar=1");
    expect(forwarded("foo@@bar=1,bar=2")).toBe("foo@@bar=1,bar=2");
    expect(forwarded("foo@bar@baz=1,bar=2")).toBe("foo@bar@baz=1,bar=2");
  });

  it("drops a member alone that breaks the grammar", () => {
    const broken: string[] = [
      "foo =1",
      "FOO=1",
      "foo.bar=1",
      "=1",
      "=",
      "_foo=1",
      "-foo=1",
      "fooé=1",
      "foo",
      "foo bar",
      "@foo",
      "foo=bar=baz",
      "foo==",
      "foo=a\tb",
      "foo=\x7f",
      "foo=\x00",
      "foo=é",
      "foo=" + "x".repeat(257),
      "x".repeat(60 * 1024),
    ];
    for (let i = 0; i < broken.length; i++) {
      const member = broken[i];
      expect(forwarded(member)).toBe(member == "=" ? "dropped" : " and a fault");
      if (member == "=") continue;
      expect(forwarded("a=1," + member + ",b=2")).toBe("a=1,b=2 and a fault");
      expect(forwarded(member + "\na=1\nb=2")).toBe("a=1,b=2 and a fault");
    }
    expect(forwarded("a=1,B,C,D=,e=2")).toBe("dropped");
    expect(forwarded("a=1,B,C=1,d=4")).toBe("a=1,d=4 and a fault");
  });

  it("drops the whole list where the W3C's suite asks for that", () => {
    const breaking: string[] = [
      "foo=",
      "foo= \t",
      "FOO=",
      "@foo=1",
      "@=1",
      "z".repeat(257) + "=1",
      "t".repeat(242) + "@" + "v".repeat(14) + "=1",
    ];
    for (let i = 0; i < breaking.length; i++) {
      expect(forwarded(breaking[i])).toBe("dropped");
      expect(forwarded("a=1," + breaking[i] + ",b=2")).toBe("dropped");
      expect(forwarded("a=1\n" + breaking[i] + "\nb=2")).toBe("dropped");
    }
  });

  it("bounds keys and values", () => {
    const bounds: string[] = [
      "z".repeat(256) + "=1",
      "t".repeat(241) + "@" + "v".repeat(14) + "=1",
      "t".repeat(242) + "@v=1",
      "t@" + "v".repeat(15) + "=1",
      "foo=" + "x".repeat(256),
    ];
    for (let i = 0; i < bounds.length; i++) {
      expect(forwarded("a=1\n" + bounds[i])).toBe("a=1," + bounds[i]);
    }
  });

  it("keeps the first member of a key that occurs twice, and all others", () => {
    expect(forwarded("foo=1,foo=1")).toBe("foo=1");
    expect(forwarded("foo=1,bar=2,foo=3,baz=4")).toBe("foo=1,bar=2,baz=4");
    expect(forwarded("foo=1\nbar=1\nfoo=2")).toBe("foo=1,bar=1");
    expect(forwarded("foo=1,foo2=1,fo=1")).toBe("foo=1,foo2=1,fo=1");
    expect(forwarded("foo=1,foo=")).toBe("dropped");
    expect(forwarded("foo=1,foo=\x7f")).toBe("foo=1 and a fault");
    expect(forwarded("foo=\x7f,foo=1")).toBe("foo=1 and a fault");
  });

  it("accepts 32 members and refuses 33", () => {
    expect(forwarded(members(32))).toBe(members(32));
    expect(forwarded(",,," + members(32) + ", ,")).toBe(members(32));
    expect(forwarded(members(33))).toBe("dropped");
    expect(forwarded(members(32) + "\nfoo=1")).toBe("dropped");
    expect(forwarded(members(32) + "\nbar07=2,bar32=3")).toBe(members(32));
    expect(forwarded(members(32) + ",BAR=1")).toBe(members(32) + " and a fault");
  });

  it("drops members from the end until the rest fits", () => {
    expect(forwarded(members(3), 26)).toBe(members(3));
    expect(forwarded(members(3), 25)).toBe(members(2));
    expect(forwarded(members(3), 17)).toBe(members(2));
    expect(forwarded(members(3), 16)).toBe(members(1));
    expect(forwarded(members(3), 8)).toBe(members(1));
    expect(forwarded(members(3), 7)).toBe("");
    expect(forwarded(members(3), 0)).toBe("");
  });

  it("drops members over 128 bytes first, starting with the last of them", () => {
    const a = sized("a", 129);
    const b = sized("b", 128);
    const c = sized("c", 200);
    const d = sized("d", 128);
    const all = a + "," + b + "," + c + "," + d;
    expect(forwarded(all, all.length)).toBe(all);
    expect(forwarded(all, all.length - 1)).toBe(a + "," + b + "," + d);
    expect(forwarded(all, 386)).toBe(b + "," + d);
    expect(forwarded(all, 256)).toBe(b);
    expect(forwarded(all, 127)).toBe("");
  });

  it("forgets the previous request", () => {
    expect(forwarded("foo=1,bar=")).toBe("dropped");
    expect(forwarded("foo=3")).toBe("foo=3");
    expect(forwarded("foo=1,=2")).toBe("foo=1 and a fault");
    expect(forwarded("foo=3")).toBe("foo=3");
    expect(forwarded("")).toBe("");
  });
});
