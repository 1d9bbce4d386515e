import { Bytes } from "./bytes";
import { TextBuffer } from "./text-buffer";

describe("TextBuffer", () => {
  it("holds what was added since it was last cleared", () => {
    const buffer = new TextBuffer();
    expect(buffer.size).toBe(0);
    expect(buffer.text().toString()).toBe("");
    buffer.add(Bytes.of("limit="));
    buffer.addNumber(0);
    buffer.add(Bytes.of(""));
    buffer.addNumber(u64.MAX_VALUE);
    expect(buffer.text().toString()).toBe("limit=018446744073709551615");
    expect(buffer.size).toBe(27);
    buffer.clear();
    expect(buffer.text().size).toBe(0);
    buffer.addNumber(7);
    expect(buffer.text().toString()).toBe("7");
  });

  it("grows by pieces of any size", () => {
    const buffer = new TextBuffer();
    let expected = "";
    for (let size = 1; size <= 4096; size *= 2) {
      const piece = "ab".repeat(size);
      buffer.add(Bytes.of(piece));
      buffer.addNumber(size);
      expected += piece + size.toString();
      expect(buffer.text().toString()).toBe(expected);
    }
  });
});
