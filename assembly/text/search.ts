// Looks for a text within another, without regard to upper and lower case, in time that depends on
// their sizes alone. Source: Knuth, Morris and Pratt, Fast pattern matching in strings (1977).

import { Bytes } from "./bytes";
import { lower } from "./letter-case";

/** A text to look for. */
@final
export class CaselessSearch {
  /** For each byte of the text: how many of its first bytes still fit when it does not. */
  private readonly rest: StaticArray<i32>;

  /** The text must be in lower case, and not empty. */
  constructor(private readonly text: Bytes) {
    const rest = new StaticArray<i32>(text.size);
    let fit = 0;
    for (let at = 1; at < text.size; at++) {
      rest[at] = fit;
      while (fit > 0 && text.at(at) != text.at(fit)) fit = rest[fit];
      if (text.at(at) == text.at(fit)) fit++;
    }
    this.rest = rest;
  }

  /** Whether the text is part of `value`, whatever the case of the value's letters of ASCII. */
  isIn(value: Bytes): bool {
    const text = this.text;
    let fit = 0;
    for (let at = 0; at < value.size; at++) {
      const byte = lower(value.at(at));
      while (fit > 0 && byte != text.at(fit)) fit = unchecked(this.rest[fit]);
      if (byte == text.at(fit) && ++fit == text.size) return true;
    }
    return false;
  }
}
