import { Bytes } from "./bytes";

const EMPTY = Bytes.of("");
/** The collector must keep what a global holds; it does not see local variables. */
let kept: Bytes = EMPTY;

describe("Bytes.of", () => {
  it("holds the UTF-8 of a text", () => {
    const bytes = Bytes.of("é\0€");
    expect(bytes.size).toBe(6);
    expect(bytes.at(0)).toBe(0xc3);
    expect(bytes.at(2)).toBe(0);
    expect(bytes.at(5)).toBe(0xac);
    expect(bytes.toString()).toBe("é\0€");
    expect(EMPTY.size).toBe(0);
  });

  it("is zero bytes when it is made with a size", () => {
    const bytes = Bytes.owned(3);
    expect(bytes.size).toBe(3);
    expect(bytes.at(0) | bytes.at(1) | bytes.at(2)).toBe(0);
  });
});

describe("copy", () => {
  it("does not change when the original does", () => {
    const original = Bytes.of("abc");
    const copy = original.copy();
    store<u8>(original.ptr, 0x78);
    expect(copy.toString()).toBe("abc");
    expect(original.toString()).toBe("xbc");
    expect(EMPTY.copy().size).toBe(0);
  });

  it("outlives a collection of the original", () => {
    kept = Bytes.of("long-lived value").copy();
    __collect();
    for (let i = 0; i < 100; i++) Bytes.owned(16);
    expect(kept.toString()).toBe("long-lived value");
  });
});

describe("equals", () => {
  it("compares every byte and the size", () => {
    expect(Bytes.of("abc").equals(Bytes.of("abc"))).toBe(true);
    expect(Bytes.of("abc").equals(Bytes.of("abd"))).toBe(false);
    expect(Bytes.of("abc").equals(Bytes.of("ab"))).toBe(false);
    expect(Bytes.of("abc").equals(Bytes.of("ABC"))).toBe(false);
    expect(Bytes.of("a\0b").equals(Bytes.of("a\0c"))).toBe(false);
    expect(EMPTY.equals(new Bytes(0, 0))).toBe(true);
  });

  it("finds one other byte wherever it is, at every alignment", () => {
    const text = "0123456789abcdefghijklm";
    for (let size = 0; size <= text.length; size++) {
      for (let start = 0; start < 8; start++) {
        const room = Bytes.owned(start + size);
        const bytes = new Bytes(room.ptr + start, size);
        const other = Bytes.of(text.substring(0, size));
        memory.copy(bytes.ptr, other.ptr, size);
        expect(bytes.equals(other)).toBe(true);
        for (let i = 0; i < size; i++) {
          store<u8>(bytes.ptr + i, 0x7a);
          expect(bytes.equals(other)).toBe(false);
          store<u8>(bytes.ptr + i, other.at(i));
        }
      }
    }
  });

  it("does not take the overlong bytes C0 AF for a slash", () => {
    const overlong = Bytes.owned(2);
    store<u8>(overlong.ptr, 0xc0);
    store<u8>(overlong.ptr + 1, 0xaf);
    expect(overlong.equals(Bytes.of("/"))).toBe(false);
    expect(overlong.contains(Bytes.of("/"))).toBe(false);
  });
});

describe("startsWith, endsWith and contains", () => {
  it("find a part at its place", () => {
    const path = Bytes.of("/api/v1/users");
    expect(path.startsWith(Bytes.of("/api"))).toBe(true);
    expect(path.startsWith(Bytes.of("api"))).toBe(false);
    expect(path.endsWith(Bytes.of("users"))).toBe(true);
    expect(path.endsWith(Bytes.of("user"))).toBe(false);
    expect(path.contains(Bytes.of("v1"))).toBe(true);
    expect(path.contains(Bytes.of("v2"))).toBe(false);
    expect(path.contains(Bytes.of("s"))).toBe(true);
  });

  it("find the whole, and never a part that is longer", () => {
    const text = Bytes.of("abc");
    const longer = Bytes.of("abcabc");
    expect(text.startsWith(text) && text.endsWith(text) && text.contains(text)).toBe(true);
    expect(text.startsWith(longer) || text.endsWith(longer) || text.contains(longer)).toBe(false);
  });

  it("find nothing in an empty text, and the empty part everywhere", () => {
    expect(Bytes.of("a").startsWith(EMPTY) && Bytes.of("a").endsWith(EMPTY)).toBe(true);
    expect(Bytes.of("a").contains(EMPTY) && EMPTY.contains(EMPTY)).toBe(true);
    const part = Bytes.of("a");
    expect(EMPTY.startsWith(part) || EMPTY.endsWith(part) || EMPTY.contains(part)).toBe(false);
  });

  it("find a part that begins again inside itself", () => {
    expect(Bytes.of("aaab").contains(Bytes.of("aab"))).toBe(true);
  });
});

describe("indexOf", () => {
  it("finds the first one at or after a position", () => {
    const text = Bytes.of("a=b=c");
    expect(text.indexOf(0x3d)).toBe(1);
    expect(text.indexOf(0x3d, 1)).toBe(1);
    expect(text.indexOf(0x3d, 2)).toBe(3);
    expect(text.indexOf(0x3d, 4)).toBe(-1);
    expect(text.indexOf(0x3d, 9)).toBe(-1);
    expect(EMPTY.indexOf(0)).toBe(-1);
  });

  it("does not look beyond the size", () => {
    expect(new Bytes(Bytes.of("ab").ptr, 1).indexOf(0x62)).toBe(-1);
  });
});
