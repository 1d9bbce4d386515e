// What a rule counts apart: the parts of a request that make up its key.

import { Bytes } from "../../../assembly";
import { RequestView, sipHash } from "../../../assembly/rules";
import { MAX_KEY_PARTS } from "../limits";
import { KeyPart, ValuePart } from "./parts";

const NOTHING = new Bytes(0, 0);

/** A compiled key. */
@final
export class RuleKey {
  /**
   * Of the request that was read last: the key's number, which nobody can make two of. All requests
   * of a rule that miss a part have one.
   */
  hash: u64 = 0;
  private readonly values: StaticArray<Bytes> = new StaticArray<Bytes>(MAX_KEY_PARTS).fill(NOTHING);

  /** @param parts none: all requests have the same key */
  constructor(private readonly parts: StaticArray<KeyPart>) {}

  /**
   * Reads the request's key. An empty value is as good as none, but that which the configuration
   * gives.
   * @param seed 16 bytes that no client knows
   * @returns false where the request misses a part
   */
  read(request: RequestView, seed: Bytes): bool {
    const key0 = load<u64>(seed.ptr);
    const key1 = load<u64>(seed.ptr, 8);
    let isWhole = true;
    let hash: u64 = 0;
    for (let i = 0; i < this.parts.length; i++) {
      const part = unchecked(this.parts[i]);
      const value = part.read(request);
      const isThere = value != null && (value.size > 0 || part instanceof ValuePart);
      unchecked((this.values[i] = value ? value : NOTHING));
      if (!isThere) isWhole = false;
      // Each part's hash is the key of the next one's: no two lists of values are one text.
      else hash = sipHash(key0 ^ hash, key1, unchecked(this.values[i]));
    }
    this.hash = isWhole ? hash : key0;
    return isWhole;
  }

  get count(): i32 {
    return this.parts.length;
  }

  name(i: i32): Bytes {
    return unchecked(this.parts[i]).name;
  }

  /** The configuration gives the part, and not the request. */
  isFixed(i: i32): bool {
    return unchecked(this.parts[i]) instanceof ValuePart;
  }

  /** What `read` found, empty where it is missing. Valid until the callback ends. */
  value(i: i32): Bytes {
    return unchecked(this.values[i]);
  }
}
