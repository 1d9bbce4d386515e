// A set of characters, as a class of a regular expression names it.

/** The largest code point. */
export const MAX_RUNE: i32 = 0x10ffff;
const MAX_ASCII: i32 = 0x7f;
/** The two characters beyond ASCII that are letters of ASCII in another case. */
const KELVIN: i32 = 0x212a;
const LONG_S: i32 = 0x17f;

/** Ranges of code points, both ends included. */
@final
export class Runes {
  /** The first and the last of one range after the other. */
  ranges: Array<i32> = [];

  add(from: i32, to: i32): void {
    this.ranges.push(from);
    this.ranges.push(to);
  }

  addAll(others: Runes): void {
    for (let i = 0; i < others.ranges.length; i++) this.ranges.push(others.ranges[i]);
  }

  /** Whether each character is one of ASCII. */
  get isAscii(): bool {
    for (let i = 1; i < this.ranges.length; i += 2) if (this.ranges[i] > MAX_ASCII) return false;
    return true;
  }

  /** Adds what its letters, which must be of ASCII, are in the other case: in Unicode's sense. */
  addOtherCases(): void {
    const size = this.ranges.length;
    for (let i = 0; i < size; i += 2) {
      const from = this.ranges[i];
      const to = this.ranges[i + 1];
      this.addShifted(max(from, 0x41), min(to, 0x5a), 0x20);
      this.addShifted(max(from, 0x61), min(to, 0x7a), -0x20);
      if (has(from, to, 0x4b) || has(from, to, 0x6b)) this.add(KELVIN, KELVIN);
      if (has(from, to, 0x53) || has(from, to, 0x73)) this.add(LONG_S, LONG_S);
    }
  }

  private addShifted(from: i32, to: i32, by: i32): void {
    if (from <= to) this.add(from + by, to + by);
  }

  /** Puts the ranges in order, and joins those that touch. */
  settle(): void {
    const ranges = this.ranges;
    const settled: Array<i32> = [];
    while (ranges.length > 0) {
      const at = leastIn(ranges);
      const from = ranges[at];
      const to = ranges[at + 1];
      const lastTo = ranges.pop();
      const lastFrom = ranges.pop();
      if (at < ranges.length) {
        ranges[at] = lastFrom;
        ranges[at + 1] = lastTo;
      }
      const last = settled.length - 1;
      if (last >= 0 && from <= settled[last] + 1) settled[last] = max(settled[last], to);
      else {
        settled.push(from);
        settled.push(to);
      }
    }
    this.ranges = settled;
  }

  /** The characters that are not in it. It must be settled. */
  others(): Runes {
    const others = new Runes();
    let next = 0;
    for (let i = 0; i < this.ranges.length; i += 2) {
      if (this.ranges[i] > next) others.add(next, this.ranges[i] - 1);
      next = this.ranges[i + 1] + 1;
    }
    if (next <= MAX_RUNE) others.add(next, MAX_RUNE);
    return others;
  }
}

/** Where the range stands that begins first. */
function leastIn(ranges: Array<i32>): i32 {
  let least = 0;
  for (let at = 2; at < ranges.length; at += 2) if (ranges[at] < ranges[least]) least = at;
  return least;
}

function has(from: i32, to: i32, rune: i32): bool {
  return from <= rune && rune <= to;
}
