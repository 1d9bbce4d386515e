// An ordered list of matches, prepared so that a thousand matches on one header cost little more
// than one.

import { Bytes } from "../text/bytes";
import { BytesTable } from "../text/bytes-table";
import { NamedTest, RequestMatch } from "./request-match";
import { RequestView } from "./request-view";

const NONE: i32 = -1;
/**
 * When at least this many neighbours test one header for equality, they are looked up in a table
 * and not tried one by one.
 */
const MATCHES_WORTH_A_TABLE: i32 = 4;

/**
 * Neighbouring matches, [start, end). With a table, each of them can hold only for certain values
 * of the header in `slot`.
 */
@final
class Run {
  private table: BytesTable | null = null;
  /** For each value of the table, the first match that can hold for it. */
  private first: StaticArray<i32> = [];
  /**
   * A chain of places for each value, in the order of the list: the match there, and the next
   * place.
   */
  private readonly matches: Array<i32> = [];
  private readonly next: Array<i32> = [];
  /** For a run with a table, the place to continue from; else the match to continue from. */
  private at: i32 = NONE;

  constructor(
    readonly start: i32,
    readonly end: i32,
    readonly slot: i32,
  ) {}

  /** Makes the table from the values that each match accepts. */
  index(all: StaticArray<RequestMatch>): void {
    const values: Bytes[] = [];
    const owners: i32[] = [];
    for (let match = this.start; match < this.end; match++) {
      const accepted = valuesFor(all[match], this.slot);
      if (!accepted) continue;
      for (let i = 0; i < accepted.length; i++) {
        values.push(accepted[i]);
        owners.push(match);
      }
    }
    const table = new BytesTable(StaticArray.fromArray(values));
    this.table = table;
    this.first = new StaticArray<i32>(values.length).fill(NONE);
    // From the last to the first, so that each chain is in the order of the list.
    for (let i = values.length - 1; i >= 0; i--) {
      const value = table.find(values[i]);
      const after = this.first[value];
      // A match that lists a value twice is tried once, as elsewhere: a second try would draw its
      // percentage again.
      if (after != NONE && this.matches[after] == owners[i]) continue;
      this.matches.push(owners[i]);
      this.next.push(after);
      this.first[value] = this.matches.length - 1;
    }
  }

  begin(request: RequestView): void {
    const table = this.table;
    if (!table) {
      this.at = this.start;
      return;
    }
    const value = request.header(this.slot);
    const known = value ? table.find(value) : NONE;
    this.at = known < 0 ? NONE : unchecked(this.first[known]);
  }

  /** The next match that holds, or -1. */
  advance(all: StaticArray<RequestMatch>, request: RequestView): i32 {
    if (!this.table) return this.tryEach(all, request);
    while (this.at != NONE) {
      const match = unchecked(this.matches[this.at]);
      this.at = unchecked(this.next[this.at]);
      if (unchecked(all[match]).matches(request)) return match;
    }
    return NONE;
  }

  private tryEach(all: StaticArray<RequestMatch>, request: RequestView): i32 {
    while (this.at < this.end) {
      const match = this.at++;
      if (unchecked(all[match]).matches(request)) return match;
    }
    return NONE;
  }
}

/**
 * Walks the matches that hold for a request: `first`, then `next` while there are more. Only one
 * walk at a time. Allocates nothing.
 */
@final
export class MatchList {
  private readonly runs: Array<Run> = [];
  private run: i32 = 0;

  constructor(private readonly matches: StaticArray<RequestMatch>) {
    let plainFrom = 0;
    let at = 0;
    while (at < matches.length) {
      const slot = keyedSlot(matches[at]);
      let end = at + 1;
      while (end < matches.length && valuesFor(matches[end], slot)) end++;
      if (slot != NONE && end - at >= MATCHES_WORTH_A_TABLE) {
        this.addPlain(plainFrom, at);
        const run = new Run(at, end, slot);
        run.index(matches);
        this.runs.push(run);
        plainFrom = end;
        at = end;
      } else {
        at++;
      }
    }
    this.addPlain(plainFrom, matches.length);
  }

  /** The number of the first match that holds, or -1. */
  first(request: RequestView): i32 {
    this.run = 0;
    if (this.runs.length == 0) return NONE;
    unchecked(this.runs[0]).begin(request);
    return this.next(request);
  }

  /** The number of the next match that holds, or -1. */
  next(request: RequestView): i32 {
    const runs = this.runs;
    while (this.run < runs.length) {
      const found = unchecked(runs[this.run]).advance(this.matches, request);
      if (found != NONE) return found;
      this.run++;
      if (this.run < runs.length) unchecked(runs[this.run]).begin(request);
    }
    return NONE;
  }

  private addPlain(start: i32, end: i32): void {
    if (start < end) this.runs.push(new Run(start, end, NONE));
  }
}

/** The slot of the first header of which the match accepts only certain values, or -1. */
function keyedSlot(match: RequestMatch): i32 {
  for (let i = 0; i < match.headers.length; i++) {
    if (match.headers[i].match.accepted) return match.headers[i].slot;
  }
  return NONE;
}

/**
 * The values of that header for which the match can hold, or `null` if it can also hold for others.
 */
function valuesFor(match: RequestMatch, slot: i32): StaticArray<Bytes> | null {
  for (let i = 0; i < match.headers.length; i++) {
    const test: NamedTest = match.headers[i];
    if (test.slot == slot && test.match.accepted) return test.match.accepted;
  }
  return null;
}
