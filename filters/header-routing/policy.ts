// The decision: which destination a request goes to. Pure: it asks the request view, and the host only through it.

import { NamedTest, RequestMatch } from "../../assembly/matching/request-match";
import { RequestView } from "../../assembly/matching/request-view";
import { Bytes } from "../../assembly/text/bytes";
import { BytesTable } from "../../assembly/text/bytes-table";
import { Split, Target } from "./split";

/** A rule: a match and what it comes to. */
@final
export class Rule {
  constructor(
    readonly match: RequestMatch,
    /** The one target, or `null` where `split` chooses. */
    readonly target: Target | null,
    readonly split: Split | null,
  ) {}
}

const NONE: i32 = -1;
/** Neighbours that test one header for equality are looked up, from this many on, and not tried one by one. */
const RULES_WORTH_A_TABLE: i32 = 4;

/** Neighbouring rules, [start, end). With a slot, each of them can match only for certain values of that header. */
@final
class Run {
  private table: BytesTable | null = null;
  /** For each value of the table the first rule that it can match. */
  private first: StaticArray<i32> = [];
  /** Places of one value in the order of the rules: the rule there, and the next place. */
  private readonly rules: Array<i32> = [];
  private readonly next: Array<i32> = [];

  constructor(
    readonly start: i32,
    readonly end: i32,
    readonly slot: i32,
  ) {}

  /** Makes the table from the values that each rule accepts. */
  index(all: StaticArray<Rule>): void {
    const values: Bytes[] = [];
    const owners: i32[] = [];
    for (let rule = this.start; rule < this.end; rule++) {
      const accepted = valuesFor(all[rule].match, this.slot);
      if (!accepted) continue;
      for (let i = 0; i < accepted.length; i++) {
        values.push(accepted[i]);
        owners.push(rule);
      }
    }
    const table = new BytesTable(StaticArray.fromArray(values));
    this.table = table;
    this.first = new StaticArray<i32>(values.length).fill(NONE);
    // From the last to the first, so that each chain is in the order of the rules.
    for (let i = values.length - 1; i >= 0; i--) {
      const value = table.find(values[i]);
      const after = this.first[value];
      // A rule that lists a value twice has one try, as elsewhere: a second would be a second draw of its percentage.
      if (after != NONE && this.rules[after] == owners[i]) continue;
      this.rules.push(owners[i]);
      this.next.push(after);
      this.first[value] = this.rules.length - 1;
    }
  }

  /** The first rule that matches, by its number, or -1. */
  find(all: StaticArray<Rule>, request: RequestView): i32 {
    const table = this.table;
    if (!table) return this.tryEach(all, request);
    const value = request.header(this.slot);
    if (!value) return NONE;
    const known = table.find(value);
    if (known < 0) return NONE;
    for (let at = unchecked(this.first[known]); at != NONE; at = unchecked(this.next[at])) {
      const rule = unchecked(this.rules[at]);
      if (unchecked(all[rule]).match.matches(request)) return rule;
    }
    return NONE;
  }

  private tryEach(all: StaticArray<Rule>, request: RequestView): i32 {
    for (let rule = this.start; rule < this.end; rule++) {
      if (unchecked(all[rule]).match.matches(request)) return rule;
    }
    return NONE;
  }
}

/** An ordered list of rules, made ready so that a thousand rules on one header cost little more than one. */
@final
export class RuleList {
  private readonly runs: Array<Run> = [];

  constructor(private readonly rules: StaticArray<Rule>) {
    let plainFrom = 0;
    let at = 0;
    while (at < rules.length) {
      const slot = keyedSlot(rules[at].match);
      let end = at + 1;
      while (end < rules.length && valuesFor(rules[end].match, slot)) end++;
      if (slot != NONE && end - at >= RULES_WORTH_A_TABLE) {
        this.addPlain(plainFrom, at);
        const run = new Run(at, end, slot);
        run.index(rules);
        this.runs.push(run);
        plainFrom = end;
        at = end;
      } else {
        at++;
      }
    }
    this.addPlain(plainFrom, rules.length);
  }

  /** The target of the first rule that matches, or `null` when none does. */
  decide(request: RequestView): Target | null {
    const runs = this.runs;
    for (let i = 0; i < runs.length; i++) {
      const number = unchecked(runs[i]).find(this.rules, request);
      if (number < 0) continue;
      const rule = unchecked(this.rules[number]);
      const split = rule.split;
      return split ? split.choose(request) : rule.target;
    }
    return null;
  }

  private addPlain(start: i32, end: i32): void {
    if (start < end) this.runs.push(new Run(start, end, NONE));
  }
}

/** The slot of the first header for which the match accepts only certain values, or -1. */
function keyedSlot(match: RequestMatch): i32 {
  for (let i = 0; i < match.headers.length; i++) {
    if (match.headers[i].match.accepted) return match.headers[i].slot;
  }
  return NONE;
}

/** The values of that header for which alone the match can hold, or `null` where it can for others. */
function valuesFor(match: RequestMatch, slot: i32): StaticArray<Bytes> | null {
  for (let i = 0; i < match.headers.length; i++) {
    const test: NamedTest = match.headers[i];
    if (test.slot == slot && test.match.accepted) return test.match.accepted;
  }
  return null;
}
