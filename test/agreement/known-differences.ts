// Where the in-process host does not do what stock Envoy does, and why. The test fails for a difference that is not here, and for one here that is
// no more.

export interface KnownDifference {
  /** Matches the names of the scenarios that show it, each of which must. */
  readonly scenarios: RegExp;
  readonly reason: string;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    scenarios: /^continue the request in (context create|request headers|tick, of a paused request)$/,
    reason:
      "a request that is continued where nothing holds it goes by the rest of the chain, or the router, once more",
  },
  {
    scenarios: /^queues in response headers$/,
    reason:
      "Envoy ends a stream whose response ends in these headers before it tells of the queue; the host tells first",
  },
  {
    scenarios: /^(a local reply|two local replies|a reset).* in context create$/,
    reason: "Envoy answers or resets a stream after its first callback, the host before it",
  },
  {
    scenarios: /^(a local reply(?!, and it continues)|two local replies).* in tick, of a paused request$/,
    reason:
      "a filter that answers from a tick and continues the request all the same has both in Envoy, and the answer alone in the host",
  },
];
