// Which of the requests that a rule is about meet its fault, by their number and not by chance: a
// test then sees the same faults in every run. Pure: a number goes in, the decision comes out.

import { Bytes } from "../../assembly";
import { RequestView, StickyKey } from "../../assembly/rules";

/** How turns are given. */
export enum TurnKind {
  /** A list of turns. */
  Sequence,
  /** The last of each so many requests. */
  Every,
  /** One request. */
  Nth,
}

/** What comes after the end of a sequence. */
export enum AfterEnd {
  /** The sequence begins again. */
  Repeat,
  Pass,
  Fail,
}

/** What gives a request its number, from 1. */
export abstract class TurnCounter {
  /**
   * The number of the request that asks.
   * @param key what is counted by itself; `null` if all requests are counted together
   */
  abstract next(key: Bytes | null): u64;
}

/** The turns of one rule. */
@final
export class Turns {
  constructor(
    private readonly kind: TurnKind,
    /** By the place in the sequence: whether that request meets the fault. */
    private readonly sequence: StaticArray<bool>,
    private readonly afterEnd: AfterEnd,
    /** The number of `Every` and `Nth`. */
    private readonly number: u64,
    /** Requests of one key are counted by themselves; `null` counts all together. */
    readonly key: StickyKey | null,
    /** The number is that of the attempt, and nothing is counted. */
    readonly byAttempt: bool,
    /** Tells these turns from others of the same rule. */
    readonly text: Bytes,
  ) {}

  /** Whether it is the request's turn. A request without the key is not counted, and passes. */
  isDue(request: RequestView, counter: TurnCounter): bool {
    const key = this.key;
    const value = key ? key.of(request) : null;
    if (key && !value) return false;
    return this.includes(counter.next(value));
  }

  /** Whether the request of that number meets the fault; 0 is a request without a number. */
  includes(number: u64): bool {
    if (number == 0) return false;
    switch (this.kind) {
      case TurnKind.Every:
        return number % this.number == 0;
      case TurnKind.Nth:
        return number == this.number;
      default:
        return this.inSequence(number - 1);
    }
  }

  private inSequence(index: u64): bool {
    const length: u64 = this.sequence.length;
    if (index < length) return unchecked(this.sequence[<i32>index]);
    if (this.afterEnd != AfterEnd.Repeat) return this.afterEnd == AfterEnd.Fail;
    return unchecked(this.sequence[<i32>(index % length)]);
  }
}
