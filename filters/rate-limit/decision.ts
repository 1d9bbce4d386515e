// The decision on one request, kept as long as its stream lives.

import { Permits } from "./concurrency/permits";
import { Outcome } from "./outcomes";
import { Dues } from "./price/dues";

const NONE: i32 = -1;

/** What one rule said about the request. */
@final
export class Note {
  rule: i32 = 0;
  /** -1 while the rule has not decided. */
  outcome: i32 = NONE;
  /** Whether something is known about the rule's quota. */
  hasQuota: bool = false;
  /** Requests in a number of seconds; 0 if that is not known. */
  limit: u32 = 0;
  unitSeconds: u32 = 0;
  remaining: u32 = 0;
  /** Seconds until more than `remaining` are free; 0 if the limit is full, or that is not known. */
  moreSeconds: u32 = 0;
  /** Seconds until the limit is full again; 0 if it is full, or that is not known. */
  fullSeconds: u32 = 0;
}

/** One for each stream's context, which may serve again: its objects are kept. */
@final
export class Decision {
  /**
   * The rule that refuses the request, -1 if none does. Of several it is the one with the longest
   * wait.
   */
  refusedBy: i32 = NONE;
  /** Why the request is refused. */
  reason: Outcome = Outcome.Limited;
  /** After how many seconds the request would pass: `NEVER`, or 0 if nobody knows. */
  waitSeconds: u32 = 0;
  /** How many notes there are. */
  count: i32 = 0;
  /** What the request owes once its answer is there. */
  readonly dues: Dues = new Dues();
  /** What the request holds while it is in flight. */
  readonly permits: Permits = new Permits();
  private readonly notes: Array<Note> = [];

  /** @param isNoted the response says what the rules said */
  constructor(readonly isNoted: bool) {}

  /** The request does not pass: it owes nothing, and gives back what it held. */
  giveUp(): void {
    this.dues.clear();
    this.permits.release();
  }

  /** The stream is over. */
  end(): void {
    this.dues.settle();
    this.permits.release();
    this.refusedBy = NONE;
    this.waitSeconds = 0;
    this.count = 0;
  }

  get refused(): bool {
    return this.refusedBy != NONE;
  }

  refuse(rule: i32, reason: Outcome, waitSeconds: u32): void {
    if (this.refused && waitSeconds <= this.waitSeconds) return;
    this.refusedBy = rule;
    this.reason = reason;
    this.waitSeconds = waitSeconds;
  }

  note(i: i32): Note {
    return unchecked(this.notes[i]);
  }

  noteOutcome(rule: i32, outcome: Outcome): void {
    const note = this.noteOf(rule);
    if (note) note.outcome = outcome;
  }

  /**
   * The rule's note, with `remaining` set; the caller fills in the rest of its quota. `null` if no
   * note is wanted, or the note already has less remaining.
   */
  quotaOf(rule: i32, remaining: u32): Note | null {
    const note = this.noteOf(rule);
    if (!note || (note.hasQuota && note.remaining < remaining)) return null;
    note.hasQuota = true;
    note.remaining = remaining;
    return note;
  }

  private noteOf(rule: i32): Note | null {
    if (!this.isNoted) return null;
    for (let i = this.count - 1; i >= 0; i--) {
      const note = unchecked(this.notes[i]);
      if (note.rule == rule) return note;
    }
    if (this.count == this.notes.length) this.notes.push(new Note());
    const note = unchecked(this.notes[this.count]);
    note.rule = rule;
    note.outcome = NONE;
    note.hasQuota = false;
    note.limit = 0;
    note.unitSeconds = 0;
    this.moveToPlace(note);
    this.count++;
    return note;
  }

  /** Keeps the notes in the order of the rules. */
  private moveToPlace(note: Note): void {
    let at = this.count;
    for (; at > 0 && unchecked(this.notes[at - 1]).rule > note.rule; at--) {
      unchecked((this.notes[at] = this.notes[at - 1]));
    }
    unchecked((this.notes[at] = note));
  }
}
