// The keys of one limit and their moments, in a table that all workers share.

import { Bytes, sharedKey } from "../../../assembly";
import { Kept, SharedTable } from "../../../assembly/rules";
import { BUCKET_SIZE } from "./bucket";

/**
 * Layout of a bucket, and of how a key's bucket and tag are computed: raise it with any change of
 * what `bucket.ts` writes, of `Gcra`'s ticks, or of the bytes that a part of a key has.
 */
const LAYOUT: u32 = 2;

/**
 * Entries for each key that may be active at once. With this many, about five of 100,000 keys find
 * their bucket full.
 */
const ENTRIES_PER_KEY: f64 = 2.6;
const ENTRIES_PER_BUCKET: f64 = 16;

/**
 * The table of a limit.
 * @param names limits with the same names have the same table
 * @param keys that may be active at once, up to ten million: at most 1,625,000 buckets
 */
export function tableOf(names: StaticArray<Bytes>, keys: u32): SharedTable {
  const buckets = <u32>Math.ceil((<f64>keys * ENTRIES_PER_KEY) / ENTRIES_PER_BUCKET);
  const key = sharedKey("rate-limit", "table", LAYOUT, names);
  return new SharedTable("rl", key, buckets, BUCKET_SIZE, Kept.Busy);
}
