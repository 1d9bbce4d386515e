// One test of one value: of a path, a header, a cookie, a query parameter, or a claim's text.

import { areSame, Bytes } from "../text/bytes";
import { BytesTable } from "../text/bytes-table";
import { lower } from "../text/letter-case";
import { NOT_A_NUMBER, parseInteger } from "../text/number";
import { Regex } from "../text/regex/regex";
import { CaselessSearch } from "../text/search";
import { MAX_TEXT_SIZE } from "./limits";

/** Bounds of a range that has none; every number of a header lies between them. */
export const NO_LEAST: i64 = i64.MIN_VALUE + 1;
export const NO_MOST: i64 = i64.MAX_VALUE;

const SLASH: u8 = 0x2f;
const NOTHING = new Bytes(0, 0);

/** What a value is tested for. All but the last are the words of `VALUE_TESTS`, in their order. */
export enum ValueTest {
  Exact,
  Prefix,
  Suffix,
  Contains,
  Regex,
  OneOf,
  Present,
  Absent,
  Range,
  /** The value is this path, or one below it. */
  Segments,
}

/** A part of a value in lower case, for one comparison: nothing that is compared is longer. */
const lowered: Bytes = Bytes.owned(MAX_TEXT_SIZE);

/**
 * A compiled test. A missing value fails every test but `Absent`. `invert` reverses the outcome,
 * also that for a missing value. The fields below the first two are those of single tests.
 */
@final
export class ValueMatch {
  operand: Bytes = NOTHING;
  members: BytesTable | null = null;
  regex: Regex | null = null;
  from: i64 = NO_LEAST;
  to: i64 = NO_MOST;
  private search: CaselessSearch | null = null;
  private ignoresCase: bool = false;

  constructor(
    private readonly test: ValueTest,
    private readonly invert: bool,
  ) {}

  /**
   * Upper and lower case of ASCII are the same from here on. The operand and the members must be in
   * lower case.
   */
  ignoreCase(): void {
    this.ignoresCase = true;
    if (this.test == ValueTest.Contains) this.search = new CaselessSearch(this.operand);
  }

  /** The only values that can pass, or `null` if others can too. */
  get accepted(): StaticArray<Bytes> | null {
    if (this.invert || this.ignoresCase) return null;
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
    const operand = this.operand;
    switch (this.test) {
      case ValueTest.Exact:
        return value.size == operand.size && this.isAt(value, 0);
      case ValueTest.Prefix:
        return value.size >= operand.size && this.isAt(value, 0);
      case ValueTest.Suffix:
        return value.size >= operand.size && this.isAt(value, value.size - operand.size);
      case ValueTest.Contains: {
        const search = this.search;
        return search ? search.isIn(value) : value.contains(operand);
      }
      case ValueTest.Regex: {
        const regex = this.regex;
        return regex ? regex.matches(value) : false;
      }
      case ValueTest.OneOf: {
        const members = this.members;
        return members ? this.isMember(members, value) : false;
      }
      case ValueTest.Present:
        return true;
      case ValueTest.Range:
        return this.inRange(value);
      case ValueTest.Segments:
        return this.isWithin(value);
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

  /** Whether the operand stands there in the value, which must be long enough. */
  private isAt(value: Bytes, at: i32): bool {
    const operand = this.operand;
    const ptr = value.ptr + at;
    if (this.ignoresCase) return lowerCase(ptr, operand.size).equals(operand);
    return areSame(ptr, operand.ptr, operand.size);
  }

  private isMember(members: BytesTable, value: Bytes): bool {
    if (!this.ignoresCase) return members.find(value) >= 0;
    return value.size <= MAX_TEXT_SIZE && members.find(lowerCase(value.ptr, value.size)) >= 0;
  }

  /** The operand ends in no slash, unless it is `/` itself, which is empty here. */
  private isWithin(path: Bytes): bool {
    const size = this.operand.size;
    if (path.size < size || !this.isAt(path, 0)) return false;
    return path.size == size || path.at(size) == SLASH;
  }
}

/** Those bytes in lower case, valid until the next call. There must be at most `MAX_TEXT_SIZE`. */
function lowerCase(ptr: usize, size: i32): Bytes {
  lowered.size = size;
  for (let i = 0; i < size; i++) store<u8>(lowered.ptr + i, lower(load<u8>(ptr + i)));
  return lowered;
}
