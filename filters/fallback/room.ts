// Memory that is used again and again, for bytes that must outlive a callback.

import { Bytes } from "../../assembly";

/** Grows with the longest bytes that it has held. */
@final
export class Room {
  private owned: Bytes = new Bytes(0, 0);
  private readonly view: Bytes = new Bytes(0, 0);

  /** A copy of the bytes; valid until the next `hold`. */
  hold(bytes: Bytes): Bytes {
    if (bytes.size > this.owned.size) this.owned = Bytes.owned(bytes.size);
    memory.copy(this.owned.ptr, bytes.ptr, bytes.size);
    this.view.ptr = this.owned.ptr;
    this.view.size = bytes.size;
    return this.view;
  }

  /** What was held last. */
  held(): Bytes {
    return this.view;
  }
}
