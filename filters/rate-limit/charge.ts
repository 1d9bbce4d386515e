// A rule that counts the request in hand, and as what.

@final
export class Picked {
  /** The rule's. */
  number: i32 = 0;
  hash: u64 = 0;
  cost: u32 = 0;
  /** The request has all parts of the rule's key. */
  isWhole: bool = false;
}
