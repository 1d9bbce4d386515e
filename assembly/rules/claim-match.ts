// One test of one claim. Types never equal each other: the text "8" is not the number 8, and null
// is not a claim that is missing.

import { Claim, ClaimKind, ListWalk } from "./claim";
import { ValueMatch, ValueTest } from "./value-match";

const list: ListWalk = new ListWalk();

/** What a claim may be, apart from texts. */
@final
export class AcceptedValues {
  readonly numbers: Array<f64> = [];
  isTrue: bool = false;
  isFalse: bool = false;
  isNull: bool = false;
}

/**
 * A compiled test. A list passes if one of its entries does. `invert` reverses the outcome, also
 * that for a missing claim.
 */
@final
export class ClaimMatch {
  constructor(
    private readonly test: ValueTest,
    /** The test of a text, and of a number within a range. Its own `invert` does not count. */
    private readonly plain: ValueMatch,
    /** For `exact` and `oneOf`. */
    private readonly accepted: AcceptedValues,
    private readonly invert: bool,
  ) {}

  matches(claim: Claim): bool {
    return this.holds(claim) != this.invert;
  }

  private holds(claim: Claim): bool {
    const isThere = claim.kind != ClaimKind.Missing;
    if (this.test == ValueTest.Present) return isThere;
    if (this.test == ValueTest.Absent) return !isThere;
    if (claim.kind != ClaimKind.List) return this.accepts(claim);
    list.begin(claim);
    while (list.next()) if (this.accepts(list.entry)) return true;
    return false;
  }

  private accepts(value: Claim): bool {
    const accepted = this.accepted;
    switch (value.kind) {
      case ClaimKind.Text:
        return this.test != ValueTest.Range && this.plain.holds(value.bytes);
      case ClaimKind.Number:
        if (this.test == ValueTest.Range) return this.plain.includes(value.number);
        return accepted.numbers.includes(value.number);
      case ClaimKind.Boolean:
        return value.number != 0 ? accepted.isTrue : accepted.isFalse;
      case ClaimKind.Null:
        return accepted.isNull;
      default:
        return false;
    }
  }
}
