// What the in-process host does differently from stock Envoy, and why. The test fails for a
// difference that is missing here, and for an entry that is no longer a difference.

export interface KnownDifference {
  /** Matches the names of the scenarios that show it. Each of them must show it. */
  readonly scenarios: RegExp;
  readonly reason: string;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [];
