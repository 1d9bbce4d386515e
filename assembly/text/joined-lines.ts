// Puts the lines of a repeated header together. A client can send hundreds of them, so the room
// doubles as it fills: the cost stays linear in the size of the request.

import { allocate } from "../abi/memory";
import { Bytes } from "./bytes";

/** For the headers of one walk, each with a slot. */
@final
export class JoinedLines {
  /** How many bytes the buffer of each slot has; 0 for one that has no second line yet. */
  private readonly rooms: StaticArray<i32>;

  constructor(slots: i32) {
    this.rooms = new StaticArray<i32>(slots);
  }

  /** Begins another walk. */
  clear(): void {
    for (let i = 0; i < this.rooms.length; i++) unchecked((this.rooms[i] = 0));
  }

  /**
   * Appends the separator and a further line to `value`, which is the slot's own view of what came
   * before. The bytes are valid until the callback ends.
   */
  append(slot: i32, value: Bytes, separator: Bytes, line: Bytes): void {
    const size = value.size + separator.size + line.size;
    if (size > unchecked(this.rooms[slot])) this.move(slot, value, size);
    memory.copy(value.ptr + value.size, separator.ptr, separator.size);
    memory.copy(value.ptr + value.size + separator.size, line.ptr, line.size);
    value.size = size;
  }

  private move(slot: i32, value: Bytes, size: i32): void {
    const room = size * 2;
    const buffer = allocate(room);
    memory.copy(buffer, value.ptr, value.size);
    value.ptr = buffer;
    unchecked((this.rooms[slot] = room));
  }
}
