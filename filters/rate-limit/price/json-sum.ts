// The numbers of an answer's JSON that make up its cost, read while the body passes.

import { JsonNumber, NO_NUMBER } from "./json-number";
import { JsonReader } from "./json-reader";
import { Addend, UNPRICED } from "./price";

/** Follows one body at a time. */
@final
export class JsonSum extends JsonReader {
  private readonly numbers: StaticArray<JsonNumber>;

  constructor(readonly addends: StaticArray<Addend>) {
    super();
    const numbers = new StaticArray<JsonNumber>(addends.length);
    for (let i = 0; i < addends.length; i++) numbers[i] = new JsonNumber(addends[i].path);
    this.numbers = numbers;
  }

  /** The next body begins. */
  clear(): void {
    for (let i = 0; i < this.numbers.length; i++) unchecked(this.numbers[i]).clear();
  }

  override read(ptr: usize, size: i32): void {
    for (let i = 0; i < this.numbers.length; i++) unchecked(this.numbers[i]).read(ptr, size);
  }

  override restart(): void {
    for (let i = 0; i < this.numbers.length; i++) unchecked(this.numbers[i]).restart();
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
