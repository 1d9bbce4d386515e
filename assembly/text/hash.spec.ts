import { Bytes } from "./bytes";
import { BUCKETS, bucketOf, hash64 } from "./hash";

const KEYS = 100_000;
const USER = Bytes.of("user-");
const SEED: u64 = 2654435761;
const SANITY_FACTOR: u64 = 11400714785074694797;

/** The one key that `user` returns every time: a hundred thousand keys would only fill the heap. */
const key = Bytes.owned(16);

/** The key `user-N`. */
function user(number: i32): Bytes {
  const digits = number.toString();
  key.size = USER.size + digits.length;
  memory.copy(key.ptr, USER.ptr, USER.size);
  String.UTF8.encodeUnsafe(changetype<usize>(digits), digits.length, key.ptr + USER.size);
  return key;
}

function hashOf(text: string, seed: u64): u64 {
  const bytes = Bytes.of(text);
  return hash64(seed, bytes.ptr, bytes.size);
}

/**
 * The bytes over which xxHash's own sanity check states its results: the high bytes of a
 * multiplicative generator.
 */
function sanityBytes(size: i32): Bytes {
  const bytes = Bytes.owned(size);
  let generator = SEED;
  for (let i = 0; i < size; i++) {
    store<u8>(bytes.ptr + i, <u8>(generator >> 56));
    generator *= SANITY_FACTOR;
  }
  return bytes;
}

function sanityHash(size: i32, seed: u64): u64 {
  return hash64(seed, sanityBytes(size).ptr, size);
}

/** How many of the keys fall into each tenth of the buckets. */
function tenths(salt: u64): StaticArray<i32> {
  const counts = new StaticArray<i32>(10);
  for (let i = 0; i < KEYS; i++) counts[bucketOf(salt, user(i)) / (BUCKETS / 10)]++;
  return counts;
}

describe("hash64", () => {
  it("is XXH64 on texts", () => {
    expect(hashOf("", 0)).toBe(0xef46db3751d8e999);
    expect(hashOf("a", 0)).toBe(0xd24ec4f1a98c6e5b);
    expect(hashOf("abc", 0)).toBe(0x44bc2cf5ad770999);
  });

  it("is XXH64 on every path: bytes, words, stripes and the rest", () => {
    expect(sanityHash(1, 0)).toBe(0xe934a84adb052768);
    expect(sanityHash(1, SEED)).toBe(0x5014607643a9b4c3);
    expect(sanityHash(4, 0)).toBe(0x9136a0dca57457ee);
    expect(sanityHash(8, 0)).toBe(0xcdbcf538e71d1348);
    expect(sanityHash(12, 0)).toBe(0x0723bf50086ead9a);
    expect(sanityHash(14, 0)).toBe(0x8282dcc4994e35c8);
    expect(sanityHash(14, SEED)).toBe(0xc3bd6bf63deb6df0);
    expect(sanityHash(32, 0)).toBe(0x18b216492bb44b70);
    expect(sanityHash(33, SEED)).toBe(0xe92c292f64bc3071);
    expect(sanityHash(39, 0)).toBe(0xb888caf07592b1b3);
    expect(sanityHash(40, 0)).toBe(0x23b3810d7d8b1731);
    expect(sanityHash(48, 0)).toBe(0xfd0feeac7a939933);
    expect(sanityHash(63, SEED)).toBe(0x6c911fadb05b6fc2);
    expect(sanityHash(64, 0)).toBe(0xef558f8acac2b5cd);
    expect(sanityHash(222, 0)).toBe(0xb641ae8cb691c174);
    expect(sanityHash(222, SEED)).toBe(0x20cb8ab7ae10c14a);
  });

  it("reads only the size that it is given, and needs no alignment", () => {
    const bytes = sanityBytes(80);
    for (let size = 0; size < 70; size++) {
      const before = hash64(1, bytes.ptr, size);
      store<u8>(bytes.ptr + size, ~bytes.at(size));
      expect(hash64(1, bytes.ptr, size)).toBe(before);
      store<u8>(bytes.ptr + size, ~bytes.at(size));
      const moved = Bytes.owned(80);
      memory.copy(moved.ptr + 3, bytes.ptr, size);
      expect(hash64(1, moved.ptr + 3, size)).toBe(before);
    }
  });

  it("tells apart runs of NUL of different length", () => {
    expect(hashOf("\0", 0)).not.toBe(hashOf("\0\0", 0));
    expect(hashOf("", 0)).not.toBe(hashOf("\0", 0));
  });

  it("flips about half of its bits for one bit of the key or the seed", () => {
    const bytes = sanityBytes(45);
    const before = hash64(SEED, bytes.ptr, bytes.size);
    for (let bit = 0; bit < bytes.size * 8; bit++) {
      const ptr = bytes.ptr + (bit >> 3);
      const other = load<u8>(ptr) ^ ((<u8>1) << (<u8>bit & 7));
      store<u8>(ptr, other);
      const turned = <i32>popcnt(before ^ hash64(SEED, bytes.ptr, bytes.size));
      expect(turned >= 12 && turned <= 52).toBe(true, `bit ${bit} turns ${turned}`);
      store<u8>(ptr, other ^ ((<u8>1) << (<u8>bit & 7)));
    }
    for (let bit = 0; bit < 64; bit++) {
      const turned = <i32>popcnt(before ^ hash64(SEED ^ ((<u64>1) << bit), bytes.ptr, bytes.size));
      expect(turned >= 12 && turned <= 52).toBe(true, `seed bit ${bit} turns ${turned}`);
    }
  });
});

describe("bucketOf", () => {
  it("is the same for the same key, wherever the key is in memory", () => {
    expect(bucketOf(7, Bytes.of("user-42"))).toBe(bucketOf(7, user(42)));
    expect(bucketOf(0, Bytes.of(""))).toBeLessThan(BUCKETS);
  });

  // The values are those of XXH64's high half scaled to 10,000: a change moves the users of a
  // running canary.
  it("does not change from one release to the next", () => {
    expect(bucketOf(0, Bytes.of(""))).toBe(9346);
    expect(bucketOf(0, Bytes.of("abc"))).toBe(2684);
    expect(bucketOf(0, Bytes.of("abc"), 4_000_000_000)).toBe(1_073_985_327);
  });

  it("lies within the coarser bucket when buckets are finer", () => {
    for (let i = 0; i < 1_000; i++) {
      expect(bucketOf(5, user(i), 4_000_000_000) / 400_000).toBe(bucketOf(5, user(i)));
    }
  });

  it("spreads 100,000 keys evenly over ten ranges, under any salt", () => {
    for (let salt: u64 = 0; salt < 3; salt++) {
      const counts = tenths(salt);
      for (let i = 0; i < 10; i++) {
        expect(counts[i] >= 9_000 && counts[i] <= 11_000).toBe(true, `${counts[i]} in range ${i}`);
      }
    }
  });

  it("spreads over all 10,000 buckets as chance would: chi-square within five deviations", () => {
    const counts = new StaticArray<i32>(BUCKETS);
    for (let i = 0; i < KEYS; i++) counts[bucketOf(1, user(i))]++;
    const expected = <f64>KEYS / <f64>BUCKETS;
    let chiSquare: f64 = 0;
    for (let i = 0; i < counts.length; i++) chiSquare += (counts[i] - expected) ** 2 / expected;
    // 9,999 degrees of freedom: mean 9,999, deviation 141.
    expect(chiSquare > 9_293 && chiSquare < 10_705).toBe(true, `chi-square ${chiSquare}`);
  });

  it("distributes the keys differently under another salt", () => {
    let bothLow = 0;
    let same = 0;
    for (let i = 0; i < KEYS; i++) {
      const one = bucketOf(1, user(i));
      const other = bucketOf(2, key);
      if (one < BUCKETS / 10 && other < BUCKETS / 10) bothLow++;
      if (one == other) same++;
    }
    // If the two are independent, a tenth of a tenth is in both, and the same bucket comes up once
    // in 10,000.
    expect(bothLow >= 850 && bothLow <= 1_150).toBe(true, `${bothLow} in both`);
    expect(same).toBeLessThan(40);
  });
});
