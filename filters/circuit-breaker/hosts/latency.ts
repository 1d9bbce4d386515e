// Latencies in few bits: four buckets for each doubling, so a bucket is at most a quarter wide.

/** Buckets, from an eighth of a millisecond to two minutes. What is outside is in the outermost. */
export const BUCKETS: i32 = 80;
const LEAST: u64 = 1 << 17;
/** Bits of a double below its exponent and the first two of its fraction. */
const SHIFT: u64 = 50;
const BASE: u64 = (1023 + 17) << 2;

/** The bucket of that many nanoseconds. */
export function latencyBucket(nanoseconds: u64): i32 {
  const bits = reinterpret<u64>(<f64>max(nanoseconds, LEAST)) >> SHIFT;
  return <i32>min<u64>(bits - BASE, BUCKETS - 1);
}

/** The nanoseconds at which that bucket ends. */
export function latencyOf(bucket: i32): u64 {
  return <u64>reinterpret<f64>((BASE + <u64>bucket + 1) << SHIFT);
}
