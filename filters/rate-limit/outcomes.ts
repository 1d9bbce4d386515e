// What a rule came to.

/** In the order of the words below. */
export enum Outcome {
  /** It let the request pass, and counted it. */
  Allowed,
  /** The request was over the limit. */
  Limited,
  /** The request is one that it does not count. */
  Exempt,
  /** The request missed a part of the key, and `missing` is skip. */
  Skipped,
  /** The request missed a part of the key, and `missing` is deny. */
  Denied,
  /** Other workers were faster each time: refused. */
  Contended,
  /** The rate limit service is known to have the key over its limit, and was not asked. */
  LimitedLocally,
  /** No answer from the service: passed, refused, or judged by the fallback, which let it pass. */
  ServiceFailedAllowed,
  ServiceFailedDenied,
  ServiceFailedLocal,
}

/** How many outcomes there are, and how many a rule without `global` can come to. */
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
