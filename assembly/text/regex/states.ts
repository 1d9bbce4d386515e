// The states of an automaton while it is built: each is a set of steps of the program, and what the
// byte before was, where an assertion asks for it.

/** What stands before or after a place in the text. */
export enum Neighbour {
  /** The start before, the end after. */
  Edge,
  Word,
  Newline,
  Other,
}
/** Each of `Neighbour` is below it. */
export const NEIGHBOURS: i32 = 4;

@final
export class States {
  /** The members of each state, one state after the other. */
  readonly members: Array<i32> = [];
  /** Where the members of a state begin; those of the one after the last too. */
  readonly starts: Array<i32> = [0];
  readonly before: Array<i32> = [];
  /** Open-addressed: a state's number + 1, or 0 for a free slot. */
  private slots: StaticArray<i32> = new StaticArray<i32>(64);

  get count(): i32 {
    return this.before.length;
  }

  /** The number of the state with those members, in ascending order; it is added if it is new. */
  numberOf(members: Array<i32>, before: Neighbour): i32 {
    const size = members.length;
    const start = this.members.length;
    for (let i = 0; i < size; i++) this.members.push(unchecked(members[i]));
    const slot = this.slotOf(start, size, before);
    const known = this.slots[slot] - 1;
    if (known >= 0) {
      this.members.length = start;
      return known;
    }
    this.starts.push(this.members.length);
    this.slots[slot] = this.before.push(before);
    if (this.count * 2 > this.slots.length) this.grow();
    return this.count - 1;
  }

  /** The slot of the state with the members that begin there, or a free one. */
  private slotOf(start: i32, size: i32, before: Neighbour): i32 {
    let hash: u32 = before + 1;
    for (let i = 0; i < size; i++) hash = (hash ^ unchecked(this.members[start + i])) * 0x01000193;
    const mask = this.slots.length - 1;
    let slot = (hash ^ (hash >> 15)) & mask;
    while (true) {
      const state = this.slots[slot] - 1;
      if (state < 0 || (this.before[state] == before && this.isSame(state, start, size))) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private isSame(state: i32, start: i32, size: i32): bool {
    const first = this.starts[state];
    if (this.starts[state + 1] - first != size) return false;
    for (let i = 0; i < size; i++) {
      if (unchecked(this.members[first + i]) != unchecked(this.members[start + i])) return false;
    }
    return true;
  }

  private grow(): void {
    this.slots = new StaticArray<i32>(this.slots.length * 2);
    for (let state = 0; state < this.count; state++) {
      const start = this.starts[state];
      const slot = this.slotOf(start, this.starts[state + 1] - start, this.before[state]);
      this.slots[slot] = state + 1;
    }
  }
}
