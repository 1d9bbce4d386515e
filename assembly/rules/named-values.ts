// The values that one request has under the names that a configuration uses: its query parameters,
// its cookies. They are read in one walk. So the cost depends on the length of the request, not on
// the number of rules.

import { Bytes } from "../text/bytes";
import { BytesTable } from "../text/bytes-table";

/** Names, each with a slot of its own. Filled while the configuration is compiled, then fixed. */
export class NameSlots {
  readonly names: Array<Bytes> = [];
  private readonly slots: Map<string, i32> = new Map<string, i32>();

  /**
   * The slot of that name; a name always has the same slot. `name` must be valid UTF-8, as all text
   * of a configuration is.
   */
  slotOf(name: Bytes): i32 {
    const key = name.toString();
    if (!this.slots.has(key)) this.slots.set(key, this.names.push(name) - 1);
    return this.slots.get(key);
  }
}

/** What a walk has found, by slot. Of several values under one name it keeps the first. */
@final
export class NamedValues {
  private readonly table: BytesTable;
  private readonly values: StaticArray<Bytes | null>;

  constructor(slots: NameSlots) {
    this.table = new BytesTable(StaticArray.fromArray(slots.names));
    this.values = new StaticArray<Bytes | null>(slots.names.length);
  }

  clear(): void {
    for (let i = 0; i < this.values.length; i++) unchecked((this.values[i] = null));
  }

  /** The slot of that name if it is requested and has no value yet, or -1. */
  wanted(name: Bytes): i32 {
    const slot = this.table.find(name);
    return slot >= 0 && unchecked(this.values[slot]) == null ? slot : -1;
  }

  set(slot: i32, value: Bytes): void {
    unchecked((this.values[slot] = value));
  }

  /** The value in that slot, or `null`. */
  get(slot: i32): Bytes | null {
    return unchecked(this.values[slot]);
  }
}
