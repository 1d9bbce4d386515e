// What a circuit can be, say and be told, in words.

/** A circuit's state, as it is stored. */
export enum State {
  Closed = 0,
  Open = 1,
  HalfOpen = 2,
}

/** What a circuit says of a request that wants to pass. */
export enum Verdict {
  /** The circuit is closed. */
  Pass,
  /** It is half-open, and this request is one of its probes. */
  Probe,
  Refuse,
}

/** In place of a permit's number: a request that passed without being a probe. */
export const NO_PERMIT: i32 = -1;

/** How a request that has passed ended. */
export enum Result {
  Succeeded,
  Failed,
  /** Nobody knows: the client went away, or the answer says nothing about the upstream. */
  Unknown,
  /** The response has begun. How it ends is not known yet. */
  Answered,
}

/** Why a circuit has changed its state, in the order of `TRANSITION_WORDS`. */
export enum Transition {
  None = -1,
  Tripped,
  Slept,
  ProbeFailed,
  LeaseExpired,
  ProbesUnknown,
  ProbesSucceeded,
}

/** The new state and the reason, as labels of a metric. */
export const TRANSITION_WORDS: StaticArray<StaticArray<string>> = [
  ["open", "tripped"],
  ["half-open", "slept"],
  ["open", "probe-failed"],
  ["open", "lease-expired"],
  ["open", "probes-unknown"],
  ["closed", "probes-succeeded"],
];

/** What became of a request, in the order of `OUTCOME_WORDS`. */
export enum Outcome {
  Allowed,
  Probe,
  Refused,
  /** It goes to another destination. */
  Diverted,
  /** It lacks a part of the key, and `missing` is skip. */
  Skipped,
  /** Other workers changed the circuit in every attempt: refused. */
  Contended,
  /** The upstream accepts too few, and chance has refused this one. */
  Throttled,
}

export const OUTCOME_WORDS: StaticArray<string> = [
  "allowed",
  "probe",
  "refused",
  "diverted",
  "skipped",
  "contended",
  "throttled",
];

/** A setting for drills and incidents. */
export enum Force {
  None,
  Open,
  Closed,
}
