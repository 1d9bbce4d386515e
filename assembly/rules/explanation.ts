// What a response says about the rules that decided: `RULE;outcome=WORD, RULE;outcome=WORD`, in the
// header that a configuration names.

import { HeaderMap } from "../host/headers";
import { Bytes } from "../text/bytes";
import { TextBuffer } from "../text/text-buffer";

/**
 * Most bytes of the text: the items of a thousand shadow rules would be more than clients accept.
 */
export const MAX_EXPLANATION: i32 = 4096;

const SEPARATOR = Bytes.of(", ");

/**
 * The items of one stream after another. Allocates nothing once it has reached its longest text.
 */
@final
export class Explanation {
  private readonly items: TextBuffer = new TextBuffer();

  clear(): void {
    this.items.clear();
  }

  /**
   * Adds an item of `RuleOutcomes.explanation`. An item is left out if the text would become too
   * long.
   */
  add(item: Bytes): void {
    const before = this.items.size == 0 ? 0 : SEPARATOR.size;
    if (this.items.size + before + item.size > MAX_EXPLANATION) return;
    if (before > 0) this.items.add(SEPARATOR);
    this.items.add(item);
  }

  /** The header's value, of size 0 if no rule decided; valid until an item is added. */
  text(): Bytes {
    return this.items.text();
  }

  /**
   * Leaves exactly one header of that name, or none if no rule decided. Headers of that name that
   * somebody else sent are removed. One host call.
   */
  writeTo(map: HeaderMap, header: Bytes): void {
    if (this.items.size == 0) map.remove(header);
    else map.replace(header, this.text());
  }
}
