// Walks the characters of a pattern, and keeps its first fault.

import { Bytes } from "../bytes";

/** What `peek` returns at the end. */
export const END: i32 = -1;

@final
export class PatternReader {
  /** Index of the next byte. */
  at: i32 = 0;
  /** The first fault; empty if there is none. */
  fault: string = "";

  /** The pattern must be well-formed UTF-8, as all text of a configuration is. */
  constructor(private readonly pattern: Bytes) {}

  /** Records what is wrong at the byte with that index, and ends the walk. */
  fail(reason: string, at: i32 = this.at): void {
    if (this.fault.length == 0) this.fault = `${reason} at byte ${at}`;
    this.at = this.pattern.size;
  }

  get failed(): bool {
    return this.fault.length > 0;
  }

  get isAtEnd(): bool {
    return this.at >= this.pattern.size;
  }

  /** The byte `ahead` of the next one, or `END`. */
  peek(ahead: i32 = 0): i32 {
    return this.at + ahead < this.pattern.size ? this.pattern.at(this.at + ahead) : END;
  }

  /** Goes over the next byte if it is this one. */
  take(byte: i32): bool {
    if (this.peek() != byte) return false;
    this.at++;
    return true;
  }

  /** The next character, which must be there; goes over it. */
  rune(): i32 {
    const lead = this.peek();
    this.at++;
    if (lead < 0x80) return lead;
    const more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    let rune = lead & (0x3f >> more);
    for (let i = 0; i < more; i++, this.at++) rune = (rune << 6) | (this.peek() & 0x3f);
    return rune;
  }

  /** The text in [from, to). */
  text(from: i32, to: i32): string {
    return new Bytes(this.pattern.ptr + from, to - from).toString();
  }
}
