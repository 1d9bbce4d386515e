import { Bytes } from "./bytes";
import { sipHash } from "./sip-hash";

const KEY_0: u64 = 0x0706050403020100;
const KEY_1: u64 = 0x0f0e0d0c0b0a0908;

/** The bytes 0, 1, 2, … as in the paper's own examples. */
function counting(size: i32): Bytes {
  const bytes = Bytes.owned(size);
  for (let i = 0; i < size; i++) store<u8>(bytes.ptr + i, i);
  return bytes;
}

describe("sipHash", () => {
  it("gives the results of its authors' examples", () => {
    expect(sipHash(KEY_0, KEY_1, counting(0))).toBe(0x726fdb47dd0e0e31);
    expect(sipHash(KEY_0, KEY_1, counting(1))).toBe(0x74f839c593dc67fd);
    expect(sipHash(KEY_0, KEY_1, counting(8))).toBe(0x93f5f5799a932462);
    expect(sipHash(KEY_0, KEY_1, counting(15))).toBe(0xa129ca6149be45e5);
  });

  it("depends on the key and on every byte", () => {
    const text = counting(40);
    const hash = sipHash(KEY_0, KEY_1, text);
    expect(sipHash(KEY_0 + 1, KEY_1, text)).not.toBe(hash);
    expect(sipHash(KEY_0, KEY_1 + 1, text)).not.toBe(hash);
    for (let i = 0; i < text.size; i++) {
      store<u8>(text.ptr + i, text.at(i) ^ 1);
      expect(sipHash(KEY_0, KEY_1, text)).not.toBe(hash);
      store<u8>(text.ptr + i, text.at(i) ^ 1);
    }
  });
});
