// Decides on a good answer from its headers, wherever they come from: the response of a request, or
// that of a call of the filter's own.

import { Bytes, HeaderPairs } from "../../assembly";
import { sharedSeed, sipHash } from "../../assembly/rules";
import { Collector } from "./answer";
import { KeepOutcome } from "./answers";
import { ResponseReader } from "./response-reader";
import { Rule } from "./rule";

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;
/** The highest age: RFC 9111, section 1.2.2. */
const MAX_AGE: i64 = 2_147_483_648;

/** One answer after another. */
@final
export class Keeper {
  /** The number of the key under which the answer is kept. */
  hash: u64 = 0;
  /** The length that the answer promises, or -1. */
  contentLength: i64 = 0;
  private readonly reader: ResponseReader = new ResponseReader();

  readonly seed: Bytes = sharedSeed();

  /** The number of a key, which no client can choose. */
  hashOf(key: Bytes): u64 {
    return sipHash(load<u64>(this.seed.ptr), load<u64>(this.seed.ptr, 8), key);
  }

  /**
   * Reads the headers into the collector.
   * @param plainKey without the request's `accept-encoding`
   * @param encodedKey with it
   * @param began when the request began
   * @returns `Kept` if the body is to be collected too, or why not
   */
  read(
    pairs: HeaderPairs,
    rule: Rule,
    plainKey: Bytes,
    encodedKey: Bytes,
    status: u32,
    began: u64,
    now: u64,
    collector: Collector,
  ): KeepOutcome {
    const policy = rule.policy;
    const reader = this.reader;
    collector.begin(policy.keep.maxBody);
    const outcome = reader.read(pairs, policy.keep, policy.keyHeaders, collector);
    if (outcome != KeepOutcome.Kept) return outcome;
    const key = reader.isEncoded ? encodedKey : plainKey;
    this.hash = this.hashOf(key);
    this.contentLength = reader.contentLength;
    const freshness = reader.freshness;
    const most = <i64>policy.maxAge;
    const age = freshness.age + <i64>((now - began) / NANOSECONDS_PER_SECOND);
    collector.describe(
      status,
      now,
      min(age, MAX_AGE),
      freshness.lifetime,
      freshness.usableOnError(<i64>policy.staleIfError, most),
      freshness.usableMeanwhile(most),
    );
    collector.addKey(key);
    return KeepOutcome.Kept;
  }
}
