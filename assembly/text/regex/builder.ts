// Builds the automaton of a program: every state that a text can lead to.

import { ByteClasses } from "./byte-classes";
import { MAX_STATES } from "./limits";
import { Assertion } from "./piece";
import { Program, StepKind } from "./program";
import { sortAscending } from "./sort";
import { NEIGHBOURS, Neighbour, States } from "./states";

/** Most transitions of one automaton. */
const MAX_TRANSITIONS: i32 = 262_144;
/** Most work for one automaton, in steps that are looked at: about a tenth of a second. */
const MAX_WORK: i32 = 20_000_000;
/** Most steps of all states together. */
const MAX_MEMBERS: i32 = 1_000_000;
/** Size of a transition in bytes, as a shift. */
const TRANSITION_SHIFT: i32 = 2;

@final
export class AutomatonBuilder {
  readonly classes: ByteClasses;
  /**
   * For each state a row: the offset of the row that follows for each class of bytes, and at last 1
   * if a text that ends there matches. The first row is that of no state: nothing leads out of it.
   */
  readonly table: Array<i32> = [];
  /** Offset of the row of the first state. */
  start: i32 = 0;
  /** Why there is no automaton; empty if there is one. */
  fault: string = "";

  private readonly states: States = new States();
  /** When a step was last looked at. */
  private readonly seenIn: StaticArray<i32>;
  private walk: i32 = 0;
  private work: i32 = 0;
  private readonly pending: Array<i32> = [];
  /** What the walk has found. */
  private readonly found: Array<i32> = [];
  /** The steps from which bytes lead on. */
  private readonly steps: Array<i32> = [];

  constructor(private readonly program: Program) {
    this.seenIn = new StaticArray<i32>(program.kinds.length);
    this.classes = new ByteClasses(program);
    this.settle(Neighbour.Other);
    this.beginWalk();
    this.follow(program.start);
    this.start = this.rowOf(this.settle(Neighbour.Edge));
    for (let state = 0; state < this.states.count && this.fault.length == 0; state++) this.addRow(state);
  }

  private get columns(): i32 {
    return this.classes.sample.length + 1;
  }

  private rowOf(state: i32): i32 {
    return (state * this.columns) << TRANSITION_SHIFT;
  }

  private addRow(state: i32): void {
    const row = this.table.length;
    this.table.length = row + this.columns;
    for (let after = 0; after < NEIGHBOURS; after++) this.addTransitions(state, after, row);
    if (this.states.count > MAX_STATES) this.fault = `needs an automaton of more than ${MAX_STATES} states`;
    else if (this.table.length > MAX_TRANSITIONS) this.fault = "needs an automaton of more than a megabyte";
    else if (this.work > MAX_WORK || this.states.members.length > MAX_MEMBERS) {
      this.fault = "needs too much work to become an automaton";
    }
  }

  /** Adds what bytes that are such neighbours, or the end, lead to. */
  private addTransitions(state: i32, after: Neighbour, row: i32): void {
    this.findSteps(state, after);
    if (after == Neighbour.Edge) {
      this.table[row + this.columns - 1] = this.steps.includes(Program.MATCH) ? 1 : 0;
      return;
    }
    const sample = this.classes.sample;
    for (let each = 0; each < sample.length; each++) {
      if (this.classes.neighbour(sample[each]) != after) continue;
      this.table[row + each] = this.rowOf(this.stateBehind(sample[each], after));
    }
  }

  /** The state that a byte leads to. */
  private stateBehind(byte: i32, before: Neighbour): i32 {
    const program = this.program;
    const steps = this.steps;
    this.beginWalk();
    this.work += steps.length;
    for (let i = 0; i < steps.length; i++) {
      const step = unchecked(steps[i]);
      if (unchecked(program.kinds[step]) != StepKind.Byte) continue;
      if (unchecked(program.from[step]) > byte || unchecked(program.to[step]) < byte) continue;
      this.follow(unchecked(program.next[step]));
    }
    return this.settle(before);
  }

  /** Finds the steps of a state, and those that its assertions lead to before such a neighbour. */
  private findSteps(state: i32, after: Neighbour): void {
    this.beginWalk();
    const program = this.program;
    const states = this.states;
    for (let i = states.starts[state]; i < states.starts[state + 1]; i++) this.follow(states.members[i]);
    for (let i = 0; i < this.found.length; i++) {
      const step = this.found[i];
      if (program.kinds[step] != StepKind.Assertion) continue;
      if (holds(program.from[step], states.before[state], after)) this.follow(program.next[step]);
    }
    this.steps.length = 0;
    for (let i = 0; i < this.found.length; i++) this.steps.push(this.found[i]);
  }

  private beginWalk(): void {
    this.walk++;
    this.found.length = 0;
  }

  /** Adds the steps that one leads to without a byte, up to assertions. */
  private follow(first: i32): void {
    const program = this.program;
    const pending = this.pending;
    pending.push(first);
    while (pending.length > 0) {
      const step = pending.pop();
      this.work++;
      if (unchecked(this.seenIn[step]) == this.walk) continue;
      unchecked((this.seenIn[step] = this.walk));
      const kind = unchecked(program.kinds[step]);
      if (kind == StepKind.Fork) {
        pending.push(unchecked(program.next[step]));
        pending.push(unchecked(program.other[step]));
      } else if (kind != StepKind.Nowhere) this.found.push(step);
    }
  }

  /** The state of the steps that were found. The byte before counts only for assertions. */
  private settle(before: Neighbour): i32 {
    let asks = false;
    for (let i = 0; i < this.found.length; i++) {
      if (this.program.kinds[this.found[i]] == StepKind.Assertion) asks = true;
    }
    sortAscending(this.found);
    return this.states.numberOf(this.found, asks ? before : Neighbour.Other);
  }
}

function holds(assertion: Assertion, before: Neighbour, after: Neighbour): bool {
  switch (assertion) {
    case Assertion.TextStart:
      return before == Neighbour.Edge;
    case Assertion.TextEnd:
      return after == Neighbour.Edge;
    case Assertion.LineStart:
      return before == Neighbour.Edge || before == Neighbour.Newline;
    case Assertion.LineEnd:
      return after == Neighbour.Edge || after == Neighbour.Newline;
    case Assertion.WordBoundary:
      return (before == Neighbour.Word) != (after == Neighbour.Word);
    default:
      return (before == Neighbour.Word) == (after == Neighbour.Word);
  }
}
