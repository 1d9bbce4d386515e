// The claims that a configuration names, as one request has them.

import { Bytes } from "../text/bytes";
import { Claim, ClaimKind } from "./claim";
import { ClaimSlots } from "./claim-slots";

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

  /** The claim of that slot if it was read in this `request`, which is not 0; else `null`. */
  known(slot: i32, request: u32): Claim | null {
    return unchecked(this.readIn[slot]) == request ? unchecked(this.claims[slot]) : null;
  }

  /** Finds the claim of that slot in a request's metadata. */
  find(slot: i32, request: u32, metadata: Bytes): Claim {
    const claim = this.next(slot, request);
    claim.find(metadata, unchecked(this.slots.places[slot]).words);
    return claim;
  }

  /** Makes the claim of that slot from its bytes alone; `null` if it is missing. */
  guess(slot: i32, request: u32, value: Bytes | null): Claim {
    const claim = this.next(slot, request);
    if (value) claim.guess(value);
    else claim.kind = ClaimKind.Missing;
    return claim;
  }

  private next(slot: i32, request: u32): Claim {
    unchecked((this.readIn[slot] = request));
    return unchecked(this.claims[slot]);
  }

  /** Call it when the numbers of requests start again. */
  forget(): void {
    for (let i = 0; i < this.readIn.length; i++) this.readIn[i] = 0;
  }
}
