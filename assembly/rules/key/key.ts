// The parts of a request that make up a rule's key. Requests with different keys are counted
// separately.

import { Bytes } from "../../text/bytes";
import { sipHash } from "../../text/sip-hash";
import { shownKey } from "../claim-key";
import { RequestView } from "../request-view";
import { MAX_KEY_PARTS } from "./limits";
import { ClaimPart, KeyPart, ValuePart } from "./parts";

const NOTHING = new Bytes(0, 0);

/** A compiled key. */
@final
export class RuleKey {
  /**
   * The key's number for the last request that was read. Nobody can make two keys with the same
   * number. All requests of a rule that lack a part share one number.
   */
  hash: u64 = 0;
  private readonly values: StaticArray<Bytes> = new StaticArray<Bytes>(MAX_KEY_PARTS).fill(NOTHING);

  /** @param parts if empty, all requests have the same key */
  constructor(private readonly parts: StaticArray<KeyPart>) {}

  /**
   * Reads the request's key. An empty value counts as missing, unless the part is optional.
   * @param seed 16 bytes that no client knows
   * @returns false if the request lacks a part
   */
  read(request: RequestView, seed: Bytes): bool {
    const key0 = load<u64>(seed.ptr);
    const key1 = load<u64>(seed.ptr, 8);
    let isWhole = true;
    let hash: u64 = 0;
    for (let i = 0; i < this.parts.length; i++) {
      const part = unchecked(this.parts[i]);
      const value = part.read(request);
      const isThere = part.isOptional || (value != null && value.size > 0);
      unchecked((this.values[i] = value ? value : NOTHING));
      if (!isThere) isWhole = false;
      // Each part's hash is the next part's key, so no two lists of values give one text.
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

  /** Whether the configuration gives the part, and not the request. */
  isFixed(i: i32): bool {
    return unchecked(this.parts[i]) instanceof ValuePart;
  }

  /**
   * The bytes that `read` found, by which keys are told apart; empty if they are missing. Valid
   * until the callback ends.
   */
  bytes(i: i32): Bytes {
    return unchecked(this.values[i]);
  }

  /**
   * The value that `read` found, as a service gets it; empty if it is missing. Valid until the
   * callback ends.
   */
  value(i: i32): Bytes {
    const value = unchecked(this.values[i]);
    return unchecked(this.parts[i]) instanceof ClaimPart ? shownKey(value) : value;
  }
}
