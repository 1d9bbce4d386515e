// One test of one value of a header, a cookie or a query parameter.

import { Bytes } from "../text/bytes";
import { BytesTable } from "../text/bytes-table";
import { NOT_A_NUMBER, parseInteger } from "../text/number";

/** Bounds of a range that has none; every number of a header lies between them. */
export const NO_LEAST: i64 = i64.MIN_VALUE + 1;
export const NO_MOST: i64 = i64.MAX_VALUE;

/** What a value is tested for. */
export enum ValueTest {
  Exact,
  Prefix,
  Suffix,
  Contains,
  OneOf,
  Present,
  Absent,
  Range,
}

/**
 * A compiled test. A missing value fails every test but `Absent`. `invert` reverses the outcome,
 * also that for a missing value.
 */
@final
export class ValueMatch {
  constructor(
    private readonly test: ValueTest,
    private readonly operand: Bytes,
    private readonly members: BytesTable | null,
    private readonly from: i64,
    private readonly to: i64,
    private readonly invert: bool,
  ) {}

  /** The only values that can pass, or `null` if others can too. */
  get accepted(): StaticArray<Bytes> | null {
    if (this.invert) return null;
    if (this.test == ValueTest.Exact) return [this.operand];
    const members = this.members;
    return members ? members.keys : null;
  }

  matches(value: Bytes | null): bool {
    const holds = value ? this.holds(value) : this.test == ValueTest.Absent;
    return holds != this.invert;
  }

  /** Whether the value passes, before `invert`. */
  holds(value: Bytes): bool {
    switch (this.test) {
      case ValueTest.Exact:
        return value.equals(this.operand);
      case ValueTest.Prefix:
        return value.startsWith(this.operand);
      case ValueTest.Suffix:
        return value.endsWith(this.operand);
      case ValueTest.Contains:
        return value.contains(this.operand);
      case ValueTest.OneOf: {
        const members = this.members;
        return members ? members.find(value) >= 0 : false;
      }
      case ValueTest.Present:
        return true;
      case ValueTest.Range:
        return this.inRange(value);
      default:
        return false;
    }
  }

  /** Whether a number lies within the range. */
  includes(number: f64): bool {
    const isAbove = this.from == NO_LEAST || number >= <f64>this.from;
    return isAbove && (this.to == NO_MOST || number <= <f64>this.to);
  }

  private inRange(value: Bytes): bool {
    const number = parseInteger(value);
    return number != NOT_A_NUMBER && number >= this.from && number <= this.to;
  }
}
