// The outcome of a rule.

/** In the order of the words below. */
export enum Outcome {
  /** It let the request pass, and counted it. */
  Allowed,
  /** The request was over the limit. */
  Limited,
  /** The rule does not count the request. */
  Exempt,
  /** The request lacked a part of the key, and `missing` is skip. */
  Skipped,
  /** The request lacked a part of the key, and `missing` is deny. */
  Denied,
  /** Other workers were faster in every attempt: refused. */
  Contended,
  /** The rate limit service is known to have the key over its limit, so it was not asked. */
  LimitedLocally,
  /**
   * No answer from the service. It passed, was refused, or the fallback judged it and let it pass.
   */
  ServiceFailedAllowed,
  ServiceFailedDenied,
  ServiceFailedLocal,
}

/** How many outcomes there are, and how many a rule without `global` can have. */
export const OUTCOMES: i32 = 10;
export const LOCAL_OUTCOMES: i32 = 6;

export const OUTCOME_WORDS: StaticArray<string> = [
  "allowed",
  "limited",
  "exempt",
  "skipped",
  "denied",
  "contended",
  "limited-locally",
  "service-failed-allowed",
  "service-failed-denied",
  "service-failed-local",
];
