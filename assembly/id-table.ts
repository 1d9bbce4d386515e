// A map from numbers that the host gave to objects. It is open-addressed: a search costs the same
// with twenty thousand entries as with one, and adding and removing entries makes no garbage.

const FIRST_CAPACITY: i32 = 64;
const FIRST_SHIFT: u32 = 26;
/** 2^32 divided by the golden ratio. */
const SPREAD: u32 = 0x9e3779b1;

/** Holds at most one object for a number. */
@final
export class IdTable<T> {
  /** How many objects there are. */
  count: u32 = 0;
  private ids: StaticArray<u32> = new StaticArray<u32>(FIRST_CAPACITY);
  private values: StaticArray<T | null> = new StaticArray<T | null>(FIRST_CAPACITY);
  private mask: u32 = FIRST_CAPACITY - 1;
  /** A number's home is given by its highest bits, as many as the table's size needs. */
  private shift: u32 = FIRST_SHIFT;

  /** The object with that number, or `null`. */
  get(id: u32): T | null {
    return unchecked(this.values[this.slotOf(id)]);
  }

  /** Stores an object, in place of any that has the same number. */
  set(id: u32, value: T): void {
    if (this.count * 2 >= <u32>this.ids.length) this.grow();
    const slot = this.slotOf(id);
    if (unchecked(this.values[slot]) == null) this.count++;
    unchecked((this.ids[slot] = id));
    unchecked((this.values[slot] = value));
  }

  /** Removes the object with that number and returns it; `null` if there is none. */
  take(id: u32): T | null {
    const slot = this.slotOf(id);
    const value = unchecked(this.values[slot]);
    if (value == null) return null;
    this.count--;
    this.closeGap(slot);
    return value;
  }

  /**
   * Where the search for a number begins. The host's numbers are consecutive. Stored side by side
   * they would be one long run of used slots, and the cost of closing a gap would grow with their
   * number. The spreading keeps free slots between them.
   */
  private homeOf(id: u32): u32 {
    return (id * SPREAD) >> this.shift;
  }

  /** The slot of that number, or the one it would get. */
  private slotOf(id: u32): u32 {
    const mask = this.mask;
    let slot = this.homeOf(id);
    while (unchecked(this.values[slot]) != null && unchecked(this.ids[slot]) != id) slot = (slot + 1) & mask;
    return slot;
  }

  /**
   * Empties a slot and moves back entries that were pushed past it, so that a search still finds
   * them.
   */
  private closeGap(slot: u32): void {
    const ids = this.ids;
    const values = this.values;
    const mask = this.mask;
    let gap = slot;
    let next = (gap + 1) & mask;
    while (unchecked(values[next]) != null) {
      const home = this.homeOf(unchecked(ids[next]));
      if (((next - home) & mask) >= ((next - gap) & mask)) {
        unchecked((ids[gap] = ids[next]));
        unchecked((values[gap] = values[next]));
        gap = next;
      }
      next = (next + 1) & mask;
    }
    unchecked((values[gap] = null));
  }

  private grow(): void {
    const ids = this.ids;
    const values = this.values;
    this.ids = new StaticArray<u32>(ids.length * 2);
    this.values = new StaticArray<T | null>(ids.length * 2);
    this.mask = <u32>ids.length * 2 - 1;
    this.shift--;
    for (let i = 0; i < ids.length; i++) {
      if (unchecked(values[i]) == null) continue;
      const slot = this.slotOf(unchecked(ids[i]));
      unchecked((this.ids[slot] = ids[i]));
      unchecked((this.values[slot] = values[i]));
    }
  }
}
