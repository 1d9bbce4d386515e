// W3C baggage: what callers give along with a request, for everybody who works on it. Source:
// https://www.w3.org/TR/baggage/

import { Bytes } from "../../../assembly";
import { isBlank, memberKeySize } from "./member";
import { BaggageSettings } from "./settings";

const COMMA: u8 = 0x2c;

/** Why a member was dropped. */
export enum Dropped {
  /** It breaks the grammar. */
  Invalid = 0,
  /** Its key is not to be passed on. */
  Key = 1,
  /** There were enough members, or bytes, before it. */
  Limit = 2,
}

export const DROPPED_REASONS: i32 = 3;

/**
 * One request's baggage, in however many headers it arrived: the members that may be passed on are
 * copied one behind the other. The object is used again for the next request.
 */
@final
export class Baggage {
  private readonly kept: Bytes;
  private readonly key: Bytes = new Bytes(0, 0);
  private members: i32 = 0;
  private lines: i32 = 0;
  private lineSize: i32 = 0;
  /** Whether a part of a line is not kept as it came. */
  private changed: bool = false;
  /** Members that were dropped, by `Dropped`. */
  readonly dropped: StaticArray<i32> = new StaticArray<i32>(DROPPED_REASONS);

  constructor(private readonly settings: BaggageSettings) {
    this.kept = Bytes.owned(settings.maxBytes);
    this.kept.size = 0;
  }

  clear(): void {
    this.kept.size = 0;
    this.members = 0;
    this.lines = 0;
    this.changed = false;
    for (let reason = 0; reason < DROPPED_REASONS; reason++) unchecked((this.dropped[reason] = 0));
  }

  /** What is passed on; of size 0 if nothing is. Valid until `clear`. */
  get text(): Bytes {
    return this.kept;
  }

  /** Whether the only header may stay as it came, with the blanks that it has. */
  get isUnchanged(): bool {
    return this.lines == 1 && !this.changed && this.lineSize <= this.settings.maxBytes;
  }

  /** Takes the members of one header. */
  add(value: Bytes): void {
    this.lines++;
    this.lineSize = value.size;
    const end = value.ptr + value.size;
    let start = value.ptr;
    for (let at = start; at <= end; at++) {
      if (at < end && load<u8>(at) != COMMA) continue;
      this.addMember(start, at);
      start = at + 1;
    }
  }

  private addMember(start: usize, end: usize): void {
    while (start < end && isBlank(load<u8>(start))) start++;
    while (start < end && isBlank(load<u8>(end - 1))) end--;
    const size = <i32>(end - start);
    // Nothing between two commas is nothing that could be dropped.
    if (size == 0) this.changed = true;
    else this.keep(start, size);
  }

  private keep(start: usize, size: i32): void {
    const keySize = memberKeySize(start, size);
    if (keySize == 0) {
      this.drop(Dropped.Invalid);
      return;
    }
    this.key.ptr = start;
    this.key.size = keySize;
    if (!this.settings.allows(this.key)) {
      this.drop(Dropped.Key);
      return;
    }
    const kept = this.kept;
    const separator = kept.size > 0 ? 1 : 0;
    const isOver = kept.size + separator + size > this.settings.maxBytes;
    if (isOver || this.members == this.settings.maxMembers) {
      this.drop(Dropped.Limit);
      return;
    }
    if (separator) store<u8>(kept.ptr + kept.size, COMMA);
    memory.copy(kept.ptr + kept.size + separator, start, size);
    kept.size += separator + size;
    this.members++;
  }

  private drop(reason: Dropped): void {
    this.changed = true;
    unchecked(this.dropped[reason]++);
  }
}
