// One bucket of the table of counts: a stamp that rises with each use, and four entries. An entry
// has the key's tag, its count, and the stamp of its last use.

import { tagOf } from "../../assembly/rules";

const STAMP_SIZE: i32 = 8;
const ENTRY_SIZE: i32 = 24;
const COUNT_OFFSET: usize = 8;
const USED_OFFSET: usize = 16;
export const ENTRIES: i32 = 4;
export const BUCKET_SIZE: i32 = STAMP_SIZE + ENTRIES * ENTRY_SIZE;

/**
 * Counts one more request of the key with that hash. A key without an entry takes a free one, else
 * that of the key that has not come for longest.
 * @returns the request's number, from 1
 */
export function countIn(bucket: usize, hash: u64): u64 {
  const tag = tagOf(hash);
  const stamp = load<u64>(bucket) + 1;
  store<u64>(bucket, stamp);
  const entry = entryOf(bucket, tag);
  const number = (load<u64>(entry) == tag ? load<u64>(entry, COUNT_OFFSET) : 0) + 1;
  store<u64>(entry, tag);
  store<u64>(entry, number, COUNT_OFFSET);
  store<u64>(entry, stamp, USED_OFFSET);
  return number;
}

function entryOf(bucket: usize, tag: u64): usize {
  const first = bucket + STAMP_SIZE;
  let oldest = first;
  for (let i = 0; i < ENTRIES; i++) {
    const entry = first + <usize>i * ENTRY_SIZE;
    if (load<u64>(entry) == tag) return entry;
    // A free entry was never used, and so is the oldest.
    if (load<u64>(entry, USED_OFFSET) < load<u64>(oldest, USED_OFFSET)) oldest = entry;
  }
  return oldest;
}
