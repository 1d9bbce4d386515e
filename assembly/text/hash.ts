// Hashing for stickiness: the same bytes always give the same number, on every worker, every build
// and every machine. The algorithm is XXH64 as published in the xxHash specification, version 0.2
// (doc/xxhash_spec.md of Cyan4973/xxHash). It must not change: another one would move every sticky
// key. Not for secrets: whoever knows the seed can make keys that collide. Nothing is allocated.

import { Bytes } from "./bytes";

/** The usual range of `bucketOf`: a bucket is one hundredth of a per cent. */
export const BUCKETS: u32 = 10_000;

const PRIME_1: u64 = 0x9e3779b185ebca87;
const PRIME_2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME_3: u64 = 0x165667b19e3779f9;
const PRIME_4: u64 = 0x85ebca77c2b2ae63;
const PRIME_5: u64 = 0x27d4eb2f165667c5;

/** XXH64 of the `size` bytes at `ptr`. */
export function hash64(seed: u64, ptr: usize, size: i32): u64 {
  const end = ptr + size;
  const wide = size >= 32;
  let hash = (wide ? hashStripes(seed, ptr, end) : seed + PRIME_5) + <u64>size;
  let at = wide ? ptr + (<usize>size & ~31) : ptr;
  for (; at + 8 <= end; at += 8) {
    hash = rotl(hash ^ round(0, load<u64>(at)), 27) * PRIME_1 + PRIME_4;
  }
  if (at + 4 <= end) {
    hash = rotl(hash ^ (<u64>load<u32>(at) * PRIME_1), 23) * PRIME_2 + PRIME_3;
    at += 4;
  }
  for (; at < end; at++) {
    hash = rotl(hash ^ (<u64>load<u8>(at) * PRIME_5), 11) * PRIME_1;
  }
  return avalanche(hash);
}

/** Four lanes over the whole 32-byte stripes in [ptr, end); there must be at least one. */
function hashStripes(seed: u64, ptr: usize, end: usize): u64 {
  let a = seed + PRIME_1 + PRIME_2;
  let b = seed + PRIME_2;
  let c = seed;
  let d = seed - PRIME_1;
  for (; ptr + 32 <= end; ptr += 32) {
    a = round(a, load<u64>(ptr));
    b = round(b, load<u64>(ptr, 8));
    c = round(c, load<u64>(ptr, 16));
    d = round(d, load<u64>(ptr, 24));
  }
  const hash = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
  return merge(merge(merge(merge(hash, a), b), c), d);
}

function round(lane: u64, input: u64): u64 {
  return rotl(lane + input * PRIME_2, 31) * PRIME_1;
}

function merge(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * PRIME_1 + PRIME_4;
}

/** Spreads every bit of the input over all bits of the result. */
function avalanche(hash: u64): u64 {
  hash = (hash ^ (hash >> 33)) * PRIME_2;
  hash = (hash ^ (hash >> 29)) * PRIME_3;
  return hash ^ (hash >> 32);
}

/**
 * The bucket of `key`, in [0, buckets). Another `salt` distributes the keys anew. Finer buckets lie
 * within the coarser ones: with `n` times as many buckets, a key's bucket is one of the `n` parts
 * of its old one.
 */
export function bucketOf(salt: u64, key: Bytes, buckets: u32 = BUCKETS): u32 {
  const high = hash64(salt, key.ptr, key.size) >> 32;
  return <u32>((high * buckets) >> 32);
}
