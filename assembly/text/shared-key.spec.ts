import { Bytes } from "./bytes";
import { sharedKey } from "./shared-key";

function named(names: StaticArray<string>): StaticArray<Bytes> {
  const bytes = new StaticArray<Bytes>(names.length);
  for (let i = 0; i < names.length; i++) bytes[i] = Bytes.of(names[i]);
  return bytes;
}

function keyOf(filter: string, purpose: string, layout: u32, names: StaticArray<string>): string {
  return sharedKey(filter, purpose, layout, named(names)).toString();
}

describe("a key of shared data", () => {
  it("says who owns the value, its purpose, its layout, and what tells it from others", () => {
    expect(keyOf("retry-budget", "books", 12, ["plugin", ""])).toBe(
      "12:retry-budget,5:books,2:12,6:plugin,0:,",
    );
    expect(keyOf("a", "b", 1, [])).toBe("1:a,1:b,1:1,");
  });

  it("differs for another layout, purpose or filter", () => {
    const key = keyOf("filter", "table", 1, ["x"]);
    expect(keyOf("filter", "table", 2, ["x"])).not.toBe(key);
    expect(keyOf("filter", "seed", 1, ["x"])).not.toBe(key);
    expect(keyOf("other", "table", 1, ["x"])).not.toBe(key);
  });

  it("tells apart names that look alike when they are joined", () => {
    const keys = new Set<string>();
    keys.add(keyOf("f", "p", 1, ["ab", "c"]));
    keys.add(keyOf("f", "p", 1, ["a", "bc"]));
    keys.add(keyOf("f", "p", 1, ["abc", ""]));
    keys.add(keyOf("f", "p", 1, ["", "abc"]));
    keys.add(keyOf("f", "p", 1, ["a\0b", "c"]));
    keys.add(keyOf("f", "p", 1, ["a", "b\0c"]));
    keys.add(keyOf("f", "p", 1, ["a,1:b", "c"]));
    keys.add(keyOf("f", "p", 1, ["a", "b,1:c"]));
    keys.add(keyOf("f", "p,1:1", 1, ["a", "b"]));
    keys.add(keyOf("f,1:p", "1", 1, ["a", "b"]));
    keys.add(keyOf("f1:p", "", 1, ["a", "b"]));
    keys.add(keyOf("f", "p", 11, ["a", "b"]));
    keys.add(keyOf("f", "p1", 1, ["a", "b"]));
    expect(keys.size).toBe(13);
  });

  it("keeps bytes that are not text, and ends with room for what the caller writes", () => {
    const name = Bytes.owned(2);
    store<u8>(name.ptr, 0xff);
    const key = sharedKey("f", "p", 1, [name], 3);
    const start = "1:f,1:p,1:1,2:".length;
    expect(key.size).toBe(start + 3 + 3);
    expect(key.at(start)).toBe(0xff);
    expect(key.at(start + 1)).toBe(0);
    for (let i = key.size - 3; i < key.size; i++) expect(key.at(i)).toBe(0);
  });
});
