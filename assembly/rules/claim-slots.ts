// The claims that a configuration names.

import { propertyPath } from "../host/properties";
import { Bytes } from "../text/bytes";
import { NameSlots } from "./named-values";

/**
 * All of the stream's metadata. A claim's own path would give its bytes without its type: a text of
 * eight bytes and a number are then the same.
 */
const METADATA = propertyPath(["metadata"]);

/** Where a claim is. */
@final
export class ClaimPlace {
  constructor(
    /** The namespace of the metadata, the payload's key in it, and the path within the payload. */
    readonly words: StaticArray<Bytes>,
    /** Among the attributes. */
    readonly metadataSlot: i32,
    /** Among the attributes, of the claim's own path. */
    readonly valueSlot: i32,
  ) {}
}

/** The claims of a configuration, each with a slot of its own. */
@final
export class ClaimSlots {
  readonly places: Array<ClaimPlace> = [];
  private readonly paths: NameSlots = new NameSlots();

  constructor(private readonly attributes: NameSlots) {}

  /** The slot of that claim; no word may have a NUL. */
  slotOf(words: StaticArray<Bytes>): i32 {
    let path = "metadata\0filter_metadata";
    for (let i = 0; i < words.length; i++) path += "\0" + words[i].toString();
    const bytes = Bytes.of(path);
    const slot = this.paths.slotOf(bytes);
    if (slot == this.places.length) {
      const value = this.attributes.slotOf(bytes);
      this.places.push(new ClaimPlace(words, this.attributes.slotOf(METADATA), value));
    }
    return slot;
  }
}
