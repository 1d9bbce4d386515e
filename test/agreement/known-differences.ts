// Where the in-process host does not do what stock Envoy does, and why. The test fails for a
// difference that is not here, and for one here that is no more.

export interface KnownDifference {
  /** Matches the names of the scenarios that show it, each of which must. */
  readonly scenarios: RegExp;
  readonly reason: string;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [];
