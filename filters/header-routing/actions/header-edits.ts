// The headers that a rule removes, sets and adds.

import { Bytes, HeaderMap } from "../../../assembly";

@final
export class HeaderEdits {
  constructor(
    /** Names. */
    private readonly removed: Array<Bytes>,
    /** Names and values, alternating. */
    private readonly set: Array<Bytes>,
    private readonly added: Array<Bytes>,
  ) {}

  /** One host call for each. */
  apply(headers: HeaderMap): void {
    const removed = this.removed;
    const set = this.set;
    const added = this.added;
    for (let i = 0; i < removed.length; i++) headers.remove(unchecked(removed[i]));
    for (let i = 0; i + 1 < set.length; i += 2) headers.replace(unchecked(set[i]), unchecked(set[i + 1]));
    for (let i = 0; i + 1 < added.length; i += 2) headers.add(unchecked(added[i]), unchecked(added[i + 1]));
  }
}
