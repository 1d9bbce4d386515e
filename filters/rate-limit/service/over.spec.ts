import { Bytes } from "../../../assembly/text/bytes";
import { Over, OverEntry } from "./over";

const NOW: u64 = 1000;
const ENTRIES: u64 = 16;

const entry = new OverEntry();
const over = new Over();

/** Until when the service is not asked about the key; 0 if it is asked. */
function findOver(bucket: Bytes, hash: u64, cost: u32, now: u64): u64 {
  return over.find(bucket, hash, cost, now) ? now + over.spared : 0;
}

function put(bucket: Bytes | null, hash: u64, cost: u32, until: u64): Bytes {
  entry.hash = hash;
  entry.cost = cost;
  entry.until = until;
  entry.now = NOW;
  return entry.compute(bucket)!.copy();
}

describe("a bucket of keys that are over", () => {
  it("knows a key until its window ends, and no other key", () => {
    const bucket = put(null, 7, 1, NOW + 50);
    expect(findOver(bucket, 7, 1, NOW)).toBe(NOW + 50);
    expect(findOver(bucket, 7, 1, NOW + 49)).toBe(NOW + 50);
    expect(findOver(bucket, 7, 1, NOW + 50)).toBe(0);
    expect(findOver(bucket, 8, 1, NOW)).toBe(0);
    expect(findOver(bucket, 0, 1, NOW)).toBe(0);
  });

  it("lets a request ask that is cheaper than every refused one", () => {
    let bucket = put(null, 7, 10, NOW + 50);
    expect(findOver(bucket, 7, 9, NOW)).toBe(0);
    expect(findOver(bucket, 7, 11, NOW)).toBe(NOW + 50);
    bucket = put(bucket, 7, 2, NOW + 60);
    bucket = put(bucket, 7, 10, NOW + 60);
    expect(findOver(bucket, 7, 2, NOW)).toBe(NOW + 60);
    expect(findOver(bucket, 7, 1, NOW)).toBe(0);
  });

  it("knows how much longer the key is over than it is spared", () => {
    entry.beyondSeconds = 7;
    const bucket = put(null, 7, 1, NOW + 50);
    entry.beyondSeconds = 0;
    expect(over.find(bucket, 7, 1, NOW)).toBe(true);
    expect(over.beyondSeconds).toBe(7);
    expect(over.find(bucket, 8, 1, NOW)).toBe(false);
    expect(over.beyondSeconds).toBe(0);
    expect(over.find(put(bucket, 7, 1, NOW + 60), 7, 1, NOW)).toBe(true);
    expect(over.beyondSeconds).toBe(0);
  });

  it("forgets a cost when its window has ended", () => {
    const bucket = put(put(null, 7, 1, NOW - 1), 7, 10, NOW + 5);
    expect(findOver(bucket, 7, 9, NOW)).toBe(0);
  });

  it("gives the place that ends first to a key that finds none", () => {
    let bucket = put(null, 1, 1, NOW + 100);
    for (let key: u64 = 2; key <= ENTRIES; key++) bucket = put(bucket, key, 1, NOW + 100 + key);
    for (let key: u64 = 1; key <= ENTRIES; key++) expect(findOver(bucket, key, 1, NOW)).toBeGreaterThan(0);
    bucket = put(bucket, 99, 1, NOW + 500);
    expect(findOver(bucket, 1, 1, NOW)).toBe(0);
    expect(findOver(bucket, 99, 1, NOW)).toBe(NOW + 500);
    for (let key: u64 = 2; key <= ENTRIES; key++) expect(findOver(bucket, key, 1, NOW)).toBeGreaterThan(0);
  });

  it("is empty when the shared data holds something else", () => {
    const bucket = put(Bytes.of("not a bucket"), 7, 1, NOW + 50);
    expect(findOver(bucket, 7, 1, NOW)).toBe(NOW + 50);
    expect(findOver(Bytes.of("not a bucket"), 7, 1, NOW)).toBe(0);
  });
});
