import { ListedRequest } from "../../assembly/rules/request.fixture";
import { Bytes } from "../../assembly/text/bytes";
import { Config } from "../../assembly/text/config";
import { BUCKETS, bucketOf, hash64 } from "../../assembly/text/hash";
import { HeaderRoutingConfig } from "./config";
import { Segment, Split, shareBuckets, Target } from "./split";

const KEYS: i32 = 100_000;

/** Who owns each bucket. */
function ownersOf(weights: StaticArray<u64>): StaticArray<i32> {
  const owners = new StaticArray<i32>(BUCKETS);
  let bucket: u32 = 0;
  for (let at: Segment | null = shareBuckets(weights); at; at = at.next) {
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

/** How many buckets change owner from `from` to `to`, when the weights change. */
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
  it("gives each target its weight's part", () => {
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

  it("moves nothing between the others while weight goes from the base to one of them", () => {
    expect(moved([80, 10, 10], [70, 10, 20], 1, 2)).toBe(0);
    expect(moved([80, 10, 10], [70, 10, 20], 0, 1)).toBe(0);
    expect(moved([80, 10, 10], [70, 10, 20], 0, 2)).toBe(1000);
    expect(moved([80, 10, 10], [70, 20, 10], 2, 1)).toBe(0);
    expect(moved([80, 10, 10], [70, 20, 10], 0, 1)).toBe(1000);
    expect(moved([80, 20], [70, 20, 10], 1, 2)).toBe(0);
  });
});

describe("a sticky split", () => {
  it("spreads 100,000 keys within 1 % of the weights", () => {
    const targets: Array<Target> = [new Target("r", Bytes.of("v1")), new Target("r", Bytes.of("v2"))];
    const split = new Split(targets, [90, 10]);
    split.salt = hash64(0, Bytes.of("canary").ptr, 6);
    let second = 0;
    for (let i = 0; i < KEYS; i++) {
      if (split.ownerOf(bucketOf(split.salt, Bytes.of("user-" + i.toString()))) == targets[1]) second++;
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
    const first = config.rules.decide(request)!;
    for (let i: u32 = 0; i < 100; i++) {
      request.drawn = i * 100;
      request.begin();
      expect(config.rules.decide(request)!.destination.toString()).toBe(first.destination.toString());
    }
    expect(request.draws).toBe(0);
  });

  it("draws where the key is missing or empty", () => {
    const config = read(
      '{"rules":[{"name":"r","split":{"key":{"header":"x-id"},"destinations":[{"name":"a","weight":1},{"name":"b","weight":1}]}}]}',
    );
    const request = new ListedRequest(config.slots);
    request.start([]);
    expect(config.rules.decide(request)!.destination.toString()).toBe("b");
    request.drawn = BUCKETS - 1;
    request.start(["x-id= "]);
    expect(config.rules.decide(request)!.destination.toString()).toBe("a");
    expect(request.draws).toBe(2);
  });

  it("sends a pinned key where it is pinned, to a destination without a share too", () => {
    const config = read(
      '{"rules":[{"name":"r","split":{"key":{"clientAddress":true},"destinations":[{"name":"a","weight":1}],"pins":[{"keys":["192.0.2.1","2001:db8::1"],"destination":"b"}]}}]}',
    );
    const request = new ListedRequest(config.slots);
    request.address = "2001:db8::1";
    request.begin();
    expect(config.rules.decide(request)!.destination.toString()).toBe("b");
    request.address = "192.0.2.10";
    request.begin();
    expect(config.rules.decide(request)!.destination.toString()).toBe("a");
    expect(config.targets.length).toBe(2);
  });
});

function read(document: string): HeaderRoutingConfig {
  const config = Config.parse(Bytes.of(document));
  const compiled = new HeaderRoutingConfig(config.root);
  expect(config.error).toBe("");
  return compiled;
}
