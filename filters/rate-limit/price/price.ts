// What an answer says that its request has cost.

import { Bytes, responseHeaders } from "../../../assembly";
import { MAX_ANSWER_STATUS, MIN_ANSWER_STATUS } from "../limits";
import { wholeNumber } from "../whole-number";

export enum PriceSource {
  Statuses,
  Header,
  Json,
}

/** A key may owe as much as this many answers of the highest cost, beyond its burst. */
const MOST_ANSWERS_OWED: u32 = 1000;
const STATUS = Bytes.of(":status");
const NOTHING = Bytes.owned(0);

/** The answer does not say it. */
export const UNPRICED: i64 = -1;

/** A number in an answer's JSON that is a part of the cost. */
@final
export class Addend {
  constructor(
    /** Keys from the root on. */
    readonly path: StaticArray<Bytes>,
    /** How often the number counts. */
    readonly weight: u32,
  ) {}
}

/** How a rule finds the cost of a request in its answer. */
@final
export class Price {
  readonly statuses: StaticArray<bool> = new StaticArray<bool>(MAX_ANSWER_STATUS - MIN_ANSWER_STATUS + 1);
  header: Bytes = NOTHING;
  /** What is added up, for `Json`. */
  addends: StaticArray<Addend> = [];

  constructor(
    readonly source: PriceSource,
    /** The cost of an answer that does not say it. */
    readonly otherwise: u32,
    readonly most: u32,
  ) {}

  /** Whether a request owes something whose answer has not come, or did not say it. */
  get isOwedAnyhow(): bool {
    return this.source != PriceSource.Statuses;
  }

  /** The most that a key may owe beyond its burst. */
  get mostOwed(): u32 {
    return this.most * MOST_ANSWERS_OWED;
  }

  addStatus(status: i32): void {
    this.statuses[status - MIN_ANSWER_STATUS] = true;
  }

  /** What the headers of the answer say, in their callback. One host call; none for `Json`. */
  inHeaders(): i64 {
    if (this.source == PriceSource.Statuses) return this.ofStatus(responseHeaders.get(STATUS));
    if (this.source == PriceSource.Json) return UNPRICED;
    const value = responseHeaders.all(this.header);
    return value ? wholeNumber(value, this.most) : UNPRICED;
  }

  private ofStatus(status: Bytes | null): i64 {
    const number = status ? wholeNumber(status, u32.MAX_VALUE) : UNPRICED;
    if (number < MIN_ANSWER_STATUS || number > MAX_ANSWER_STATUS) return 0;
    return unchecked(this.statuses[<i32>number - MIN_ANSWER_STATUS]) ? 1 : 0;
  }
}
