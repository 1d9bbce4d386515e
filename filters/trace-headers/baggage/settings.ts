// What becomes of a request's baggage.

import { Bytes } from "../../../assembly";
import { BytesTable } from "../../../assembly/rules";
import { MAX_BAGGAGE_MEMBERS, MAX_BAGGAGE_SIZE } from "../limits";

/** Limits of the baggage that is passed on, and the keys that may be in it. */
export class BaggageSettings {
  maxMembers: i32 = MAX_BAGGAGE_MEMBERS;
  maxBytes: i32 = MAX_BAGGAGE_SIZE;
  /** Keys of members; `null` for no list. */
  keys: BytesTable | null = null;
  /** Whether members with these keys are passed on, or all others. */
  keysPass: bool = false;

  /** Whether a member with that key may be passed on. */
  allows(key: Bytes): bool {
    const keys = this.keys;
    return !keys || keys.find(key) >= 0 == this.keysPass;
  }
}
