// The numbers of an answer's JSON that make up its cost, read while the body passes.

import { Bytes } from "../../../assembly";
import { EventStream } from "./event-stream";
import { JsonNumber, NO_NUMBER } from "./json-number";
import { Addend, UNPRICED } from "./price";

/** Follows one body at a time. */
@final
export class JsonSum {
  private readonly numbers: StaticArray<JsonNumber>;
  private readonly events: StaticArray<EventStream>;

  constructor(readonly addends: StaticArray<Addend>) {
    this.numbers = new StaticArray<JsonNumber>(addends.length);
    this.events = new StaticArray<EventStream>(addends.length);
    for (let i = 0; i < addends.length; i++) {
      this.numbers[i] = new JsonNumber(addends[i].path);
      this.events[i] = new EventStream();
    }
  }

  /** The next body begins. */
  clear(): void {
    for (let i = 0; i < this.numbers.length; i++) {
      unchecked(this.numbers[i]).clear();
      unchecked(this.events[i]).clear();
    }
  }

  /** @param areEvents whether the body is a stream of server-sent events */
  read(piece: Bytes, areEvents: bool): void {
    for (let i = 0; i < this.numbers.length; i++) {
      const number = unchecked(this.numbers[i]);
      if (areEvents) unchecked(this.events[i]).read(piece.ptr, piece.size, number);
      else number.read(piece.ptr, piece.size);
    }
  }

  /** The sum of those that the body has said so far, `UNPRICED` without any. */
  get value(): i64 {
    let sum = UNPRICED;
    for (let i = 0; i < this.numbers.length; i++) {
      const number = unchecked(this.numbers[i]).value;
      if (number != NO_NUMBER) sum = max<i64>(sum, 0) + number * unchecked(this.addends[i]).weight;
    }
    return sum;
  }
}
