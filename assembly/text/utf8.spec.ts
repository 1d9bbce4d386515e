import { Bytes } from "./bytes";
import { isContinuation, sequenceSize, writeCodePoint } from "./utf8";

const buffer = Bytes.owned(8);

/** The sequence that begins with the bytes of `word`, the first in its highest byte. */
function sizeOf(word: u32, available: i32): i32 {
  store<u32>(buffer.ptr, bswap(word));
  return sequenceSize(buffer.ptr, available);
}

describe("sequenceSize", () => {
  it("accepts what writeCodePoint writes, for every code point but surrogates, and nothing shorter", () => {
    let wrong = 0;
    for (let code: u32 = 0; code <= 0x10ffff; code++) {
      const size = writeCodePoint(buffer.ptr, code);
      const isSurrogate = code >= 0xd800 && code <= 0xdfff;
      if (sequenceSize(buffer.ptr, 4) != (isSurrogate ? 0 : size)) wrong++;
      if (sequenceSize(buffer.ptr, size - 1) != 0) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it("accepts no other sequence of two or three bytes", () => {
    let two = 0;
    let three = 0;
    for (let word: u32 = 0; word <= 0xffffff; word++) {
      const size = sizeOf(word << 8, 3);
      if (size == 2 && (word & 0xff) == 0) two++;
      if (size == 3) three++;
    }
    expect(two).toBe(0x800 - 0x80);
    expect(three).toBe(0x10000 - 0x800 - 0x800);
  });

  it("refuses overlong forms, surrogates and everything beyond U+10FFFF", () => {
    const refused: StaticArray<u32> = [
      0x80000000, 0xbf000000, 0xc0af0000, 0xc1bf0000, 0xe08080af, 0xe09fbf00, 0xeda08000, 0xedbfbf00,
      0xf0808080, 0xf08fbfbf, 0xf4908080, 0xf5808080, 0xf8888080, 0xfe000000, 0xff000000, 0xc3280000,
      0xe2282800, 0xe2822800, 0xf09f2880, 0xf09f9828,
    ];
    for (let i = 0; i < refused.length; i++) expect(sizeOf(refused[i], 4)).toBe(0);
  });

  it("reads nothing from an empty text", () => {
    expect(sequenceSize(0, 0)).toBe(0);
    expect(sequenceSize(0, -1)).toBe(0);
  });
});

describe("writeCodePoint", () => {
  it("writes what the compiler's encoder writes", () => {
    const text = "\0\x7f\u0080\u07ff\u0800\uffff😀";
    const expected = Bytes.of(text);
    const written = Bytes.owned(32);
    let size = 0;
    const codes: StaticArray<u32> = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x1f600];
    for (let i = 0; i < codes.length; i++) size += writeCodePoint(written.ptr + size, codes[i]);
    written.size = size;
    expect(written.equals(expected)).toBe(true);
  });
});

describe("isContinuation", () => {
  it("is true for 80 to BF", () => {
    for (let byte = 0; byte < 256; byte++) expect(isContinuation(<u8>byte)).toBe(byte >= 0x80 && byte < 0xc0);
  });
});
