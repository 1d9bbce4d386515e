// The callers that have active requests: a bit for each, so that a walk over them is short however
// many callers there may be.

import { Bytes } from "../../assembly";

/** What `next` returns if there is no further caller. */
export const NO_CALLER: i32 = -1;

const BITS: i32 = 64;
const WORD_SIZE: i32 = BITS / 8;

@final
export class BusyCallers {
  private readonly words: Bytes;

  /** @param most the highest number that a caller can have */
  constructor(most: i32) {
    this.words = Bytes.owned((most / BITS + 1) * WORD_SIZE);
  }

  set(caller: i32, isBusy: bool): void {
    const word = this.words.ptr + (caller / BITS) * WORD_SIZE;
    const bit = (<u64>1) << (caller % BITS);
    store<u64>(word, isBusy ? load<u64>(word) | bit : load<u64>(word) & ~bit);
  }

  /**
   * The first busy caller from `from` on, which must not be below 0; `NO_CALLER` if there is none.
   */
  next(from: i32): i32 {
    const words = this.words;
    const first = from / BITS;
    for (let word = first; word < words.size / WORD_SIZE; word++) {
      let bits = load<u64>(words.ptr + word * WORD_SIZE);
      if (word == first) bits &= u64.MAX_VALUE << (from % BITS);
      if (bits != 0) return word * BITS + <i32>ctz(bits);
    }
    return NO_CALLER;
  }
}
