import { Bytes } from "./bytes";
import { encodePairs, HeaderPairs, PairsBuilder } from "./header-pairs";

function listed(encoded: Bytes): string {
  const pairs = HeaderPairs.over(encoded);
  let text = "";
  while (pairs.next()) text += `${pairs.name.toString()}=${pairs.value.toString()};`;
  expect(pairs.next()).toBe(false);
  return text;
}

/** `a: bc` and `d:`, with one word of the encoding overwritten. */
function damaged(offset: i32, word: u32): string {
  const encoded = encodePairs([Bytes.of("a"), Bytes.of("bc"), Bytes.of("d"), Bytes.of("")]);
  store<u32>(encoded.ptr + offset, word);
  return listed(encoded);
}

describe("HeaderPairs", () => {
  it("reads what encodePairs encodes", () => {
    expect(damaged(0, 2)).toBe("a=bc;d=;");
    expect(listed(encodePairs([]))).toBe("");
    expect(listed(new Bytes(0, 0))).toBe("");
  });

  it("ends when a size points outside of the encoding", () => {
    const sizes: StaticArray<u32> = [8, 64, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];
    for (let i = 0; i < sizes.length; i++) {
      expect(damaged(12, sizes[i])).toBe("a=bc;");
      expect(damaged(4, sizes[i])).toBe("");
      expect(damaged(8, sizes[i])).toBe("");
    }
  });

  it("ends at once when there is no room for as many pairs as it claims", () => {
    const counts: StaticArray<u32> = [4, 1024, 0x20000000, 0x7fffffff, 0x80000000, 0xffffffff];
    for (let i = 0; i < counts.length; i++) expect(damaged(0, counts[i])).toBe("");
  });
});

describe("PairsBuilder", () => {
  it("encodes one map after another as encodePairs does", () => {
    const builder = new PairsBuilder();
    const maps: StaticArray<StaticArray<Bytes>> = [
      [Bytes.of("a"), Bytes.of("bc"), Bytes.of("d"), Bytes.of("")],
      [],
      [Bytes.of("x"), Bytes.of("y")],
    ];
    for (let i = 0; i < maps.length; i++) {
      const map = maps[i];
      builder.clear();
      for (let k = 0; k < map.length; k += 2) builder.add(map[k], map[k + 1]);
      const expected = encodePairs(map);
      expect(builder.count).toBe(map.length / 2);
      expect(builder.size).toBe(expected.size);
      const written = Bytes.owned(builder.size);
      builder.write(written.ptr);
      expect(written.equals(expected)).toBe(true);
    }
  });
});
