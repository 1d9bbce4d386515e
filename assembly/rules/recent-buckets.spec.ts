import { Bytes } from "../text/bytes";
import { RecentBuckets } from "./recent-buckets";

const SIZE: i32 = 24;

function bucketOf(byte: u8): Bytes {
  const bytes = Bytes.owned(SIZE);
  memory.fill(bytes.ptr, byte, SIZE);
  return bytes;
}

/** The byte of which the remembered bucket is full. */
function byteOf(recent: RecentBuckets, index: u64): u8 {
  const bytes = Bytes.owned(SIZE);
  recent.copyTo(bytes.ptr, index);
  for (let i = 1; i < SIZE; i++) if (bytes.at(i) != bytes.at(0)) return 0;
  return bytes.at(0);
}

function failures(recent: RecentBuckets, count: i32): void {
  for (let i = 0; i < count; i++) {
    recent.keep(7, bucketOf(1).ptr, 1);
    recent.failed(7);
  }
}

/** How often the bucket is asked for before it is tried again. */
function pauseOf(recent: RecentBuckets): i32 {
  recent.keep(7, bucketOf(1).ptr, 1);
  let asked = 1;
  while (!recent.has(7) && asked < 1000) asked++;
  return asked;
}

describe("the buckets that a VM has written last", () => {
  it("are none at first, bucket 0 neither", () => {
    const recent = new RecentBuckets(SIZE);
    for (let i: u64 = 0; i < 200; i++) expect(recent.has(i)).toBe(false);
    expect(recent.has(u64.MAX_VALUE - 1)).toBe(false);
  });

  it("have their bytes and the host's number, whatever becomes of the bytes that were given", () => {
    const recent = new RecentBuckets(SIZE);
    const given = bucketOf(9);
    recent.keep(5, given.ptr, 4_000_000_000);
    memory.fill(given.ptr, 0, SIZE);
    expect(recent.has(5)).toBe(true);
    expect(recent.copyTo(given.ptr, 5)).toBe(4_000_000_000);
    expect(given.at(SIZE - 1)).toBe(9);
    memory.fill(given.ptr, 0, SIZE);
    expect(byteOf(recent, 5)).toBe(9);
  });

  it("take the places of others", () => {
    const recent = new RecentBuckets(SIZE);
    for (let i: u64 = 0; i < 128; i++) recent.keep(i, bucketOf(<u8>i).ptr, <u32>i);
    for (let i: u64 = 0; i < 64; i++) expect(recent.has(i)).toBe(false);
    for (let i: u64 = 64; i < 128; i++) expect(byteOf(recent, i)).toBe(<u8>i);
  });

  it("are forgotten after a failure, and not tried for a while after four in a row", () => {
    const recent = new RecentBuckets(SIZE);
    failures(recent, 3);
    expect(recent.has(7)).toBe(false);
    recent.keep(7, bucketOf(2).ptr, 2);
    expect(recent.has(7)).toBe(true);
    failures(recent, 1);
    expect(pauseOf(recent)).toBe(256);
  });

  it("are tried once after a while, and from then on if that succeeds", () => {
    const recent = new RecentBuckets(SIZE);
    failures(recent, 4);
    pauseOf(recent);
    recent.failed(7);
    expect(pauseOf(recent)).toBe(256);
    for (let i = 0; i < 10; i++) recent.succeeded();
    failures(recent, 3);
    expect(pauseOf(recent)).toBe(1);
  });
});
