// SipHash-2-4, of Aumasson and Bernstein (https://www.aumasson.jp/siphash/siphash.pdf): nobody who
// does not know the key can make two texts with one hash. The hash for stickiness, `hash.ts`, does
// not have that property. It is needed here, because this hash decides who is refused.

import { Bytes } from "./bytes";

let v0: u64 = 0;
let v1: u64 = 0;
let v2: u64 = 0;
let v3: u64 = 0;

/** The hash of the bytes under a key that is given in two halves. Allocates nothing. */
export function sipHash(key0: u64, key1: u64, text: Bytes): u64 {
  v0 = key0 ^ 0x736f6d6570736575;
  v1 = key1 ^ 0x646f72616e646f6d;
  v2 = key0 ^ 0x6c7967656e657261;
  v3 = key1 ^ 0x7465646279746573;
  const words = text.size >> 3;
  let at = text.ptr;
  for (let i = 0; i < words; i++, at += 8) compress(load<u64>(at));
  compress(lastWord(at, text.size));
  v2 ^= 0xff;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

/** The bytes after the last whole word; the highest byte says how many bytes there were in all. */
function lastWord(at: usize, size: i32): u64 {
  let word = (<u64>size) << 56;
  const left = size & 7;
  for (let i = 0; i < left; i++) word |= (<u64>load<u8>(at + i)) << (8 * i);
  return word;
}

function compress(word: u64): void {
  v3 ^= word;
  round();
  round();
  v0 ^= word;
}

function round(): void {
  v0 += v1;
  v1 = rotl(v1, 13) ^ v0;
  v0 = rotl(v0, 32);
  v2 += v3;
  v3 = rotl(v3, 16) ^ v2;
  v0 += v3;
  v3 = rotl(v3, 21) ^ v0;
  v2 += v1;
  v1 = rotl(v1, 17) ^ v2;
  v2 = rotl(v2, 32);
}
