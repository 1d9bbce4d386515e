// The claims that a configuration names, as one request has them.

import { propertyPath } from "../host/properties";
import { Bytes } from "../text/bytes";
import { Claim, ClaimKind } from "./claim";
import { NameSlots } from "./named-values";
import { RequestView } from "./request-view";

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

/** One request after another. */
@final
export class RequestClaims {
  private readonly claims: StaticArray<Claim>;
  private readonly readIn: StaticArray<u32>;

  constructor(private readonly slots: ClaimSlots) {
    const size = slots.places.length;
    this.claims = new StaticArray<Claim>(size);
    this.readIn = new StaticArray<u32>(size);
    for (let i = 0; i < size; i++) this.claims[i] = new Claim();
  }

  /** The claim of that slot, read at most once in each `request`, which is not 0. */
  read(slot: i32, view: RequestView, request: u32): Claim {
    const claim = unchecked(this.claims[slot]);
    if (unchecked(this.readIn[slot]) == request) return claim;
    unchecked((this.readIn[slot] = request));
    const place = unchecked(this.slots.places[slot]);
    const metadata = view.attribute(place.metadataSlot);
    if (metadata) {
      claim.find(metadata, place.words);
      return claim;
    }
    const value = view.attribute(place.valueSlot);
    if (value) claim.guess(value);
    else claim.kind = ClaimKind.Missing;
    return claim;
  }

  /** Call it when the numbers of requests start again. */
  forget(): void {
    for (let i = 0; i < this.readIn.length; i++) this.readIn[i] = 0;
  }
}
