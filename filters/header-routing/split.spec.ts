import { ListedRequest } from "../../assembly/rules/request.fixture";
import { RequestSlots, RequestView } from "../../assembly/rules/request-view";
import { Bytes } from "../../assembly/text/bytes";
import { Config } from "../../assembly/text/config";
import { BUCKETS, hash64 } from "../../assembly/text/hash";
import { HeaderRoutingConfig } from "./config";
import { bucketsFor, FINE_BUCKETS, Segment, Split, shareBuckets, Target } from "./split";

const KEYS: i32 = 100_000;
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/** A sticky split over destinations `a`, `b`, `c` and so on. */
function splitOf(weights: StaticArray<u64>): Split {
  const targets: Array<Target> = [];
  for (let i = 0; i < weights.length; i++) targets.push(new Target("r", Bytes.of(LETTERS.charAt(i))));
  const split = new Split(targets, weights);
  split.salt = hash64(0, Bytes.of("canary").ptr, 6);
  return split;
}

/** The destination of `user-` with that number. */
function destinationOf(split: Split, user: i32): string {
  return split.ofKey(Bytes.of("user-" + user.toString())).destination.toString();
}

/** The destinations of the first 60 users. */
function dealt(weights: StaticArray<u64>): string {
  const split = splitOf(weights);
  let destinations = "";
  for (let user = 0; user < 60; user++) destinations += destinationOf(split, user);
  return destinations;
}

/** How many of `FINE_BUCKETS` each target owns. */
function fineShares(weights: StaticArray<u64>): StaticArray<u32> {
  const counts = new StaticArray<u32>(weights.length);
  let start: u32 = 0;
  for (let at: Segment | null = shareBuckets(weights, FINE_BUCKETS); at; at = at.next) {
    counts[at.owner] += at.end - start;
    start = at.end;
  }
  expect(start).toBe(FINE_BUCKETS);
  return counts;
}

/** The owner of each bucket. */
function ownersOf(weights: StaticArray<u64>): StaticArray<i32> {
  const owners = new StaticArray<i32>(BUCKETS);
  let bucket: u32 = 0;
  for (let at: Segment | null = shareBuckets(weights, BUCKETS); at; at = at.next) {
    while (bucket < at.end) owners[bucket++] = at.owner;
  }
  expect(bucket).toBe(BUCKETS);
  return owners;
}

function shares(weights: StaticArray<u64>): StaticArray<i32> {
  const owners = ownersOf(weights);
  const counts = new StaticArray<i32>(weights.length);
  for (let i = 0; i < owners.length; i++) counts[owners[i]]++;
  return counts;
}

/** How many buckets change owner when the weights change from `from` to `to`. */
function moved(before: StaticArray<u64>, after: StaticArray<u64>, from: i32, to: i32): i32 {
  const old = ownersOf(before);
  const now = ownersOf(after);
  let count = 0;
  for (let i = 0; i < old.length; i++) {
    if (old[i] == from && now[i] == to) count++;
  }
  return count;
}

describe("shareBuckets", () => {
  it("gives each target the part of its weight", () => {
    expect(shares([90, 10])).toStrictEqual([9000, 1000]);
    expect(shares([1, 1, 1])).toStrictEqual([3334, 3333, 3333]);
    expect(shares([999, 1])).toStrictEqual([9990, 10]);
    expect(shares([70, 10, 20])).toStrictEqual([7000, 1000, 2000]);
    expect(shares([5])).toStrictEqual([10000]);
  });

  it("gives nothing to a weight of 0", () => {
    expect(shares([0, 1])).toStrictEqual([0, 10000]);
    expect(shares([1, 0])).toStrictEqual([10000, 0]);
    expect(shares([0, 1, 1, 1])).toStrictEqual([0, 3333, 3333, 3334]);
    expect(shares([0, 1, 0])).toStrictEqual([0, 10000, 0]);
  });

  it("moves keys only from the old to the new destination as its weight rises", () => {
    for (let weight: u64 = 0; weight < 100; weight++) {
      const before: StaticArray<u64> = [100 - weight, weight];
      const after: StaticArray<u64> = [99 - weight, weight + 1];
      expect(moved(before, after, 1, 0)).toBe(0);
      expect(moved(before, after, 0, 1)).toBe(100);
    }
  });

  it("moves nothing between the others when weight moves from the base to one of them", () => {
    expect(moved([80, 10, 10], [70, 10, 20], 1, 2)).toBe(0);
    expect(moved([80, 10, 10], [70, 10, 20], 0, 1)).toBe(0);
    expect(moved([80, 10, 10], [70, 10, 20], 0, 2)).toBe(1000);
    expect(moved([80, 10, 10], [70, 20, 10], 2, 1)).toBe(0);
    expect(moved([80, 10, 10], [70, 20, 10], 0, 1)).toBe(1000);
    expect(moved([80, 20], [70, 20, 10], 1, 2)).toBe(0);
  });
});

describe("a weight below one of 10,000 buckets", () => {
  it("still gets its part", () => {
    expect(fineShares([99_999, 1])).toStrictEqual([3_999_960_000, 40_000]);
    expect(fineShares([1, 99_999])).toStrictEqual([40_000, 3_999_960_000]);
    expect(fineShares([0, 99_999, 1])).toStrictEqual([0, 3_999_960_000, 40_000]);
    expect(fineShares([0, 1, 99_999])).toStrictEqual([0, 40_000, 3_999_960_000]);
    expect(fineShares([1, 50_000, 49_999])).toStrictEqual([40_000, 2_000_000_000, 1_999_960_000]);
  });

  it("gets something beside 63 weights of a million, wherever it is", () => {
    for (let place = 0; place < 64; place++) {
      const weights = new StaticArray<u64>(64).fill(1_000_000);
      weights[place] = 1;
      expect(bucketsFor(weights)).toBe(FINE_BUCKETS);
      const counts = fineShares(weights);
      for (let i = 0; i < 64; i++) expect(counts[i]).toBeGreaterThan(30);
    }
  });

  it("makes the buckets of its own split finer, and those of no other", () => {
    expect(bucketsFor([99_999, 1])).toBe(FINE_BUCKETS);
    expect(bucketsFor([1, 99_999])).toBe(FINE_BUCKETS);
    expect(bucketsFor([1, 50_000, 49_999])).toBe(FINE_BUCKETS);
    expect(bucketsFor([9_999, 1])).toBe(BUCKETS);
    expect(bucketsFor([0, 1, 0])).toBe(BUCKETS);
    expect(bucketsFor([1, 1, 1])).toBe(BUCKETS);
  });

  it("has the keys of 1 in 100,000, and keeps them as the weight rises", () => {
    const few: StaticArray<i32> = [21_051, 58_748, 59_818];
    const tiny = splitOf([99_999, 1]);
    let found = 0;
    for (let user = 0; user < KEYS; user++) {
      if (destinationOf(tiny, user) == "b") expect(user).toBe(few[found++]);
    }
    expect(found).toBe(few.length);
    const more = splitOf([9_999, 1]);
    for (let i = 0; i < few.length; i++) expect(destinationOf(more, few[i])).toBe("b");
  });

  it("is drawn for without a key", () => {
    const split = splitOf([99_999, 1]);
    const request = new ListedRequest(new RequestSlots());
    request.drawn = 39_999;
    expect(split.choose(request, null).destination.toString()).toBe("b");
    request.drawn = 40_000;
    expect(split.choose(request, null).destination.toString()).toBe("a");
    request.drawn = FINE_BUCKETS - 1;
    expect(split.choose(request, null).destination.toString()).toBe("a");
  });
});

describe("a sticky split", () => {
  // The first release assigned these. A key that moves is a user who changes version.
  it("gives each key the destination that it has always had", () => {
    expect(dealt([90, 10])).toBe("baabaaaaaaaaaaaaaaaaaaaabaaaaaaaaaaaaaaaaaaaaaaaabaaaabbabaa");
    expect(dealt([9_000, 999, 1])).toBe("baabaaaaaaaaaaaaaaaaaaaabaaaaaaaaaaaaaaaaaaaaaaaabaaaabbabaa");
    expect(dealt([1, 1, 1])).toBe("baabbcabbccaccbacacbabaabaaacaabcaacbcbbacacabcbcbaabbbbabcc");
    expect(dealt([0, 3, 5])).toBe("bccbbccbbcccccbccccbbbccbbbccbcbccccbcbbcccccbcbcbccbbbbcbcc");
    expect(dealt([5, 0, 3, 2, 7])).toBe("eaeedcaddceeccaecacaddeeeddecdadaeaeaeaaaaeceeedeeaeaeeeaeec");
    expect(dealt([500_000, 250_001, 249_999])).toBe(
      "baabacaaacaaccbacacbaaaabaaacaaacaaababbacacabaaabaabbbbabac",
    );
    const rising = new StaticArray<u64>(64);
    for (let i = 0; i < 64; i++) rising[i] = i + 1;
    expect(dealt(rising)).toBe("-V48Z6FJJQuSYwvSY7_D7Zq8XB7y6BV9oW7-TuD1pUWQyLKZKH7y_L8PxH0Q");
  });

  it("spreads 100,000 keys within 1 % of the weights", () => {
    const split = splitOf([90, 10]);
    let second = 0;
    for (let user = 0; user < KEYS; user++) {
      if (destinationOf(split, user) == "b") second++;
    }
    expect(second).toBeGreaterThan(9_000);
    expect(second).toBeLessThan(11_000);
  });

  it("gives the same key the same target, whatever is drawn", () => {
    const config = read(
      '{"rules":[{"name":"r","split":{"key":{"header":"x-id"},"destinations":[{"name":"a","weight":1},{"name":"b","weight":1}]}}]}',
    );
    const request = new ListedRequest(config.slots);
    request.start(["x-id= user-1"]);
    const first = decided(config, request);
    for (let i: u32 = 0; i < 100; i++) {
      request.drawn = i * 100;
      request.begin();
      expect(decided(config, request).destination.toString()).toBe(first.destination.toString());
    }
    expect(request.draws).toBe(0);
  });

  it("draws when the key is missing or empty", () => {
    const config = read(
      '{"rules":[{"name":"r","split":{"key":{"header":"x-id"},"destinations":[{"name":"a","weight":1},{"name":"b","weight":1}]}}]}',
    );
    const request = new ListedRequest(config.slots);
    request.start([]);
    expect(decided(config, request).destination.toString()).toBe("b");
    request.drawn = BUCKETS - 1;
    request.start(["x-id= "]);
    expect(decided(config, request).destination.toString()).toBe("a");
    expect(request.draws).toBe(2);
  });

  it("sends a pinned key to its destination, also to one without a share", () => {
    const config = read(
      '{"rules":[{"name":"r","split":{"key":{"clientAddress":true},"destinations":[{"name":"a","weight":1}],"pins":[{"keys":["192.0.2.1","2001:db8::1"],"destination":"b"}]}}]}',
    );
    const request = new ListedRequest(config.slots);
    request.address = "2001:db8::1";
    request.begin();
    expect(decided(config, request).destination.toString()).toBe("b");
    request.address = "192.0.2.10";
    request.begin();
    expect(decided(config, request).destination.toString()).toBe("a");
    expect(config.targets.length).toBe(2);
  });
});

function decided(config: HeaderRoutingConfig, request: RequestView): Target {
  return config.rules.first(request)!.choose(request, null)!;
}

function read(document: string): HeaderRoutingConfig {
  const config = Config.parse(Bytes.of(document));
  const compiled = new HeaderRoutingConfig(config.root);
  expect(config.error).toBe("");
  return compiled;
}
