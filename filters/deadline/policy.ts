// How much time a request gets. Pure: values in, an outcome out. All lengths of time are in
// nanoseconds.

import { NO_TIMEOUT } from "../../assembly";
import { RuleSelection } from "../../assembly/rules";

export const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/** Where the time that a request has left comes from. */
export enum Source {
  /** A header of the request, or an earlier filter. */
  Request,
  /** The deadline of the request whose trace this one continues. */
  Trace,
}

/** What became of a request. */
export enum Outcome {
  /** It goes on with the deadline that it brought. */
  Passed,
  /** It goes on with the deadline of its trace. */
  Recalled,
  /** It brought none, and got the rule's. */
  Started,
  /** It brought more time than the rule allows. */
  Shortened,
  /** It has no deadline, and the rule gives it none. */
  Unbounded,
  /** It is answered at once: its time is over. */
  Expired,
}

/** By `Outcome`: the words of metrics. */
export const OUTCOMES: StaticArray<string> = [
  "passed",
  "recalled",
  "started",
  "shortened",
  "unbounded",
  "expired",
];

/** A rule of the configuration. */
@final
export class RulePolicy {
  /** Whole milliseconds, rounded down, that the last decision leaves; 0 without a deadline. */
  allowedMs: u64 = 0;

  constructor(
    readonly selection: RuleSelection,
    /** For a request without a deadline; `NO_TIMEOUT` for none. */
    readonly fallback: u64,
    readonly most: u64,
    /** What is kept back, so that the caller gets an answer while it still waits. */
    readonly margin: u64,
    /** Most time of one attempt in milliseconds; 0 for no limit of its own. */
    readonly perTryMs: u64,
  ) {}

  /**
   * Decides on a request, and sets `allowedMs`.
   * @param left the time until the request's deadline, `NO_TIMEOUT` without one
   * @param cap the time that something else gives the router at most
   */
  decide(left: u64, source: Source, cap: u64): Outcome {
    this.allowedMs = 0;
    if (left == NO_TIMEOUT) {
      if (this.fallback == NO_TIMEOUT) return Outcome.Unbounded;
      return this.allow(min(this.fallback, this.most), cap, Outcome.Started);
    }
    if (left <= this.margin) return Outcome.Expired;
    const rest = left - this.margin;
    if (rest > this.most) return this.allow(this.most, cap, Outcome.Shortened);
    return this.allow(rest, cap, source == Source.Trace ? Outcome.Recalled : Outcome.Passed);
  }

  /** Whether the caller waits less long than this rule would, if nobody told it. */
  outlasts(left: u64): bool {
    return this.fallback != NO_TIMEOUT && left < this.fallback;
  }

  /** To the router 0 milliseconds are no limit, so less than one is none left. */
  private allow(time: u64, cap: u64, outcome: Outcome): Outcome {
    this.allowedMs = min(time, cap) / NANOSECONDS_PER_MILLISECOND;
    return this.allowedMs == 0 ? Outcome.Expired : outcome;
  }
}
