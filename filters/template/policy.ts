// The decision: which requests may pass. Values in, an outcome out, no host call.

import { Bytes } from "../../assembly";

/** The outcome of a request. */
export enum Outcome {
  /** It has one of the values. */
  Allowed,
  /** It has no value. */
  Missing,
  /** It has another value. */
  Unknown,
}

/** Knows the values that let a request pass. */
@final
export class Policy {
  constructor(private readonly values: StaticArray<Bytes>) {}

  /** @param value the request's; `null` if it has none. Allocates nothing. */
  decide(value: Bytes | null): Outcome {
    if (!value) return Outcome.Missing;
    for (let i = 0; i < this.values.length; i++) {
      if (unchecked(this.values[i]).equals(value)) return Outcome.Allowed;
    }
    return Outcome.Unknown;
  }
}
