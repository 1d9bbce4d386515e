import { Random } from "../../../assembly/text/seeded-random";
import { BUCKET_SIZE, mend, Place } from "./bucket";

const LAST = u64.MAX_VALUE;
const ENTRIES: u64 = 16;

function bucketsOf(count: u32): usize {
  const size = <usize>count * BUCKET_SIZE;
  const ptr = heap.alloc(size);
  memory.fill(ptr, 0, size);
  return ptr;
}

/** Finds the key, and moves its moment forward by `ticks`. */
function charge(bucket: usize, tag: u64, now: u64, ticks: u64): Place {
  const place = new Place();
  place.find(bucket, tag, now, LAST);
  place.put(tag, place.moment + ticks);
  return place;
}

describe("a bucket", () => {
  it("keeps 16 keys apart, and forgets none", () => {
    const bucket = bucketsOf(1);
    for (let tag: u64 = 1; tag <= ENTRIES; tag++) expect(charge(bucket, tag, 100, tag).evicts).toBe(false);
    const place = new Place();
    for (let tag: u64 = 1; tag <= ENTRIES; tag++) {
      place.find(bucket, tag, 100, LAST);
      expect(place.moment).toBe(100 + tag);
    }
  });

  it("gives a place whose moment is past to the next key, which finds a full limit", () => {
    const bucket = bucketsOf(1);
    for (let tag: u64 = 1; tag <= ENTRIES; tag++) charge(bucket, tag, 100, tag);
    const place = new Place();
    place.find(bucket, 99, 101, LAST);
    expect(place.moment).toBe(101);
    expect(place.evicts).toBe(false);
  });

  it("gives a key without a place the earliest moment of another, and an evicted key none that is earlier", () => {
    const bucket = bucketsOf(1);
    for (let tag: u64 = 1; tag <= ENTRIES; tag++) charge(bucket, tag, 100, 10 * tag);
    const place = charge(bucket, 99, 100, 5);
    expect(place.evicts).toBe(true);
    expect(place.moment).toBe(115);
    place.find(bucket, 1, 100, LAST);
    expect(place.moment).toBeGreaterThanOrEqual(110);
  });

  it("reports moments that are impossible, and changes nothing until it is told to", () => {
    const bucket = bucketsOf(1);
    charge(bucket, 1, 100, 1_000_000);
    const place = new Place();
    place.find(bucket, 2, 100, 500);
    expect(place.beyond).toBe(true);
    // Another worker read its clock later: for that worker the moment is possible.
    place.find(bucket, 1, 600_100, 1_000_200);
    expect(place.beyond).toBe(false);
    expect(place.moment).toBe(1_000_100);
    expect(mend(bucket, 1_000_100)).toBe(false);
    expect(mend(bucket, 500)).toBe(true);
    place.find(bucket, 1, 100, 500);
    expect(place.beyond).toBe(false);
    expect(place.moment).toBe(500);
  });
});

describe("a table of buckets", () => {
  // The table never believes that a key has used less than it really has. So the table lets nothing
  // pass that an exact count of all keys would refuse, however many keys there are for its places.
  it("never finds a key with less used than it has, whatever happens in between", () => {
    const random = new Random(1);
    for (let round = 0; round < 40; round++) {
      const buckets = (<u32>1) << random.below(4);
      const table = bucketsOf(buckets);
      const exact = new Map<u64, u64>();
      const keys = 8 << random.below(7);
      const place = new Place();
      let now: u64 = 1_000;
      for (let i = 0; i < 3_000; i++) {
        now += random.below(3) == 0 ? random.below(1 << random.below(8)) : 0;
        const tag = <u64>1 + random.below(random.below(2) == 0 ? keys : 3);
        const bucket = table + <usize>(tag % buckets) * BUCKET_SIZE;
        const used = max(exact.has(tag) ? exact.get(tag) : 0, now);
        place.find(bucket, tag, now, LAST);
        assert(place.moment >= used, "the table has forgotten what a key has used");
        if (place.moment > now + 400) continue;
        const ticks = <u64>1 + random.below(40);
        place.put(tag, place.moment + ticks);
        exact.set(tag, used + ticks);
      }
      heap.free(table);
    }
    expect(true).toBe(true);
  });

  it("counts exactly when every key has a place", () => {
    const random = new Random(2);
    const table = bucketsOf(8);
    const exact = new Map<u64, u64>();
    const place = new Place();
    let now: u64 = 1_000;
    for (let i = 0; i < 20_000; i++) {
      now += random.below(2);
      const tag = <u64>1 + random.below(128);
      const used = max(exact.has(tag) ? exact.get(tag) : 0, now);
      place.find(table + <usize>(tag % 8) * BUCKET_SIZE, tag, now, LAST);
      assert(place.moment == used, "the table counts more than a key has used");
      place.put(tag, used + 100);
      exact.set(tag, used + 100);
    }
    expect(true).toBe(true);
  });

  it("of the default size has room for 100,000 keys at once, except for one in ten thousand", () => {
    const buckets: u32 = 16_384;
    const table = bucketsOf(buckets);
    const random = new Random(3);
    const place = new Place();
    let evictions = 0;
    for (let i = 0; i < 100_000; i++) {
      const hash = ((<u64>random.below(u32.MAX_VALUE)) << 32) | random.below(u32.MAX_VALUE);
      place.find(table + (<usize>(hash >> 32) & (buckets - 1)) * BUCKET_SIZE, hash, 1, LAST);
      if (place.evicts) evictions++;
      place.put(hash, 1_000);
    }
    heap.free(table);
    expect(evictions).toBeLessThanOrEqual(10);
  });
});
