import { Bytes } from "../../../assembly/text/bytes";
import { Random } from "../../../assembly/text/seeded-random";
import { Evidence } from "../trip/evidence";
import { BUCKETS, latencyBucket, latencyOf } from "./latency";
import { HostPolicy, HostVerdict, Peers } from "./peers";

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;
const POLICY = new HostPolicy(3, 100 * MS, new Evidence(0.2, 0.6, 1_000_000));

/** A cluster whose hosts answer in turn, one response a millisecond. */
class Cluster {
  readonly peers: Peers = new Peers(POLICY);
  now: u64 = 1000 * SECOND;
  private host: u64 = 0;

  constructor(private readonly hosts: u64) {
    this.peers.open(null);
  }

  /** The host that answers next, from 0. */
  get next(): u64 {
    return this.host;
  }

  answer(latency: u64): HostVerdict {
    const tag = this.host + 1;
    this.host = tag % this.hosts;
    this.now += MS;
    // As it would be read from shared data.
    this.peers.open(this.peers.value);
    return this.peers.judge(tag, latency, this.now, true);
  }
}

/** Responses, all marked ones and the first of them. */
let marked: i32 = 0;
let first: i32 = 0;

/** Lets hosts answer, of which the first `slow` need a second and all others 10 ms. */
function run(cluster: Cluster, responses: i32, slow: u64): void {
  marked = 0;
  first = 0;
  let wrong = 0;
  for (let i = 1; i <= responses; i++) {
    const isSlow = cluster.next < slow;
    const verdict = cluster.answer(isSlow ? SECOND : 10 * MS);
    if (verdict != HostVerdict.Marked) continue;
    if (!isSlow) wrong++;
    marked++;
    if (first == 0) first = i;
  }
  expect(wrong).toBe(0);
}

describe("a latency's bucket", () => {
  it("ends above the latency, by a quarter at most", () => {
    const random = new Random(5);
    let right = 0;
    for (let i = 0; i < 10_000; i++) {
      const latency = (1 << 17) + (random.next() % (60 * SECOND));
      const end = latencyOf(latencyBucket(latency));
      if (end > latency && <f64>end <= <f64>latency * 1.25) right++;
    }
    expect(right).toBe(10_000);
  });

  it("is the first or the last for what is outside", () => {
    expect(latencyBucket(0)).toBe(0);
    expect(latencyBucket(u64.MAX_VALUE)).toBe(BUCKETS - 1);
  });
});

describe("a slow host", () => {
  it("is marked after 13 slow responses", () => {
    const cluster = new Cluster(3);
    run(cluster, 300, 0);
    expect(marked).toBe(0);
    run(cluster, 60, 1);
    expect(first).toBe(1 + 12 * 3);
    expect(marked).toBe(20 - 12);
  });

  it("is one of two, or two of five", () => {
    const two = new Cluster(2);
    run(two, 100, 0);
    run(two, 100, 1);
    expect(marked > 30).toBe(true);
    const five = new Cluster(5);
    run(five, 500, 0);
    run(five, 500, 2);
    expect(marked > 100).toBe(true);
  });

  it("is found among hosts that were never well", () => {
    run(new Cluster(3), 120, 1);
    expect(marked > 10).toBe(true);
  });

  it("is not marked for its fast responses, and for none once it is well again", () => {
    const cluster = new Cluster(3);
    run(cluster, 300, 0);
    run(cluster, 90, 1);
    expect(marked > 0).toBe(true);
    run(cluster, 60, 0);
    // All that was held against it is gone: it takes as long as at first.
    run(cluster, 39, 1);
    expect(first).toBe(1 + 12 * 3);
  });

  it("that is slow at once after its ejection is marked from its first response on", () => {
    const cluster = new Cluster(3);
    run(cluster, 300, 0);
    run(cluster, 90, 1);
    cluster.now += 300 * SECOND;
    run(cluster, 3, 1);
    expect(first).toBe(1);
  });

  it("that is forgotten begins anew", () => {
    const cluster = new Cluster(3);
    run(cluster, 300, 0);
    run(cluster, 90, 1);
    cluster.now += 601 * SECOND;
    run(cluster, 300, 0);
    run(cluster, 36, 1);
    expect(marked).toBe(0);
  });

  it("with requests that never end counts, and one whose clients go at once does not", () => {
    const cluster = new Cluster(3);
    run(cluster, 300, 0);
    const peers = cluster.peers;
    for (let i = 0; i < 100; i++) {
      expect(peers.judge(1, 10 * MS, cluster.now, false)).toBe(HostVerdict.Usual);
      peers.judge(2, 10 * MS, ++cluster.now, true);
    }
    for (let i = 0; i < 12; i++) {
      expect(peers.judge(1, SECOND, cluster.now, false)).toBe(HostVerdict.Slow);
      peers.judge(2, 10 * MS, ++cluster.now, true);
    }
    expect(peers.judge(1, SECOND, cluster.now, true)).toBe(HostVerdict.Marked);
  });
});

describe("a slow service", () => {
  it("has no slow host, from one response to the next", () => {
    for (let hosts: u64 = 2; hosts < 12; hosts++) {
      const cluster = new Cluster(hosts);
      run(cluster, 500, 0);
      run(cluster, 2000, hosts);
      expect(marked).toBe(0);
    }
  });

  it("has none if one host gets nearly all requests", () => {
    const cluster = new Cluster(2);
    const peers = cluster.peers;
    let verdicts = 0;
    for (let i = 0; i < 4000; i++) {
      const latency = i < 2050 ? 10 * MS : SECOND;
      const verdict = peers.judge(i % 100 == 0 ? 1 : 2, latency, ++cluster.now, true);
      if (verdict == HostVerdict.Marked) verdicts++;
    }
    expect(verdicts).toBe(0);
  });

  it("has none if a third of its requests is slow, whichever host gets them", () => {
    const random = new Random(7);
    const cluster = new Cluster(4);
    let verdicts = 0;
    for (let i = 0; i < 200_000; i++) {
      const latency = random.below(3) == 0 ? 2 * SECOND : 10 * MS;
      if (cluster.answer(latency) == HostVerdict.Marked) verdicts++;
    }
    expect(verdicts).toBe(0);
  });
});

describe("hosts that are alike", () => {
  it("are never marked, though their latencies are spread over two powers of ten", () => {
    const random = new Random(11);
    let verdicts = 0;
    for (let hosts: u64 = 2; hosts < 7; hosts++) {
      const cluster = new Cluster(hosts);
      for (let i = 0; i < 60_000; i++) {
        // The exponential of the sum of four: nearly a normal distribution's.
        const sum = random.fraction() + random.fraction() + random.fraction() + random.fraction();
        const latency = <u64>(Math.exp(sum * 2.5) * 20 * <f64>MS);
        if (cluster.answer(latency) == HostVerdict.Marked) verdicts++;
      }
    }
    expect(verdicts).toBe(0);
  });

  it("are never marked below the limit that says what is slow", () => {
    const cluster = new Cluster(3);
    let usual = 0;
    for (let i = 0; i < 600; i++) {
      if (cluster.answer(cluster.next == 0 ? 99 * MS : MS) == HostVerdict.Usual) usual++;
    }
    expect(usual).toBe(600);
  });
});

describe("the value", () => {
  it("has room for 256 hosts, and compares those", () => {
    const cluster = new Cluster(300);
    run(cluster, 300 * 40, 1);
    expect(marked > 0).toBe(true);
    expect(cluster.peers.value.size).toBe(256 * 72);
  });

  it("gives the places of hosts that are gone to others", () => {
    const cluster = new Cluster(8);
    const peers = cluster.peers;
    for (let tag: u64 = 1; tag <= 8; tag++) peers.judge(tag, MS, cluster.now, true);
    const later = cluster.now + 601 * SECOND;
    for (let tag: u64 = 11; tag <= 18; tag++) peers.judge(tag, MS, later, true);
    expect(peers.value.size).toBe(8 * 72);
  });

  it("may be any bytes", () => {
    const random = new Random(13);
    const peers = new Peers(POLICY);
    for (let round = 0; round < 2000; round++) {
      const size = random.below(4) == 0 ? <i32>random.below(600) : 72 * <i32>random.below(9);
      const stored = new StaticArray<u8>(size);
      for (let i = 0; i < size; i++) stored[i] = <u8>random.below(256);
      peers.open(new Bytes(changetype<usize>(stored), size));
      for (let i = 0; i < 20; i++) peers.judge(1 + random.below(9), random.next() % SECOND, 5 * SECOND, true);
    }
  });
});
