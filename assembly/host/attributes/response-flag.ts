// What Envoy says about a response in its access log's response flags, as bits of the attribute
// `response.flags`, in the order of Envoy's `CoreResponseFlag`.

/** Bits of `ResponseAttributes.flags`, by the letters of `%RESPONSE_FLAGS%`. */
export class ResponseFlag {
  /** A health check of this Envoy failed. */
  static readonly LH: i64 = 1 << 0;
  /** No host of the cluster is healthy. */
  static readonly UH: i64 = 1 << 1;
  /** The upstream took too long. */
  static readonly UT: i64 = 1 << 2;
  /** This Envoy reset the stream. */
  static readonly LR: i64 = 1 << 3;
  /** The upstream reset the stream. */
  static readonly UR: i64 = 1 << 4;
  /** There was no connection to the upstream. */
  static readonly UF: i64 = 1 << 5;
  /** The upstream closed the connection. */
  static readonly UC: i64 = 1 << 6;
  /** A limit of the cluster is reached (Envoy's `circuit_breakers`). */
  static readonly UO: i64 = 1 << 7;
  /** The client closed its connection. */
  static readonly DC: i64 = 1 << 14;
  /** No retry was left. */
  static readonly URX: i64 = 1 << 15;
  /** Nothing came on the stream for too long. */
  static readonly SI: i64 = 1 << 16;
  /** The stream to the upstream lasted too long. */
  static readonly UMSDR: i64 = 1 << 19;
  /** The whole request took too long. */
  static readonly DT: i64 = 1 << 22;
  /** The upstream broke its protocol. */
  static readonly UPE: i64 = 1 << 23;
  /** The upstream's name was not resolved. */
  static readonly DF: i64 = 1 << 26;
  /** The client reset its stream. */
  static readonly DR: i64 = 1 << 28;

  // What one reason of a failed exchange with the upstream has.

  static readonly REFUSED: i64 = ResponseFlag.UF;
  static readonly RESET: i64 = ResponseFlag.UR | ResponseFlag.UC | ResponseFlag.LR | ResponseFlag.UPE;
  static readonly TIMEOUT: i64 = ResponseFlag.UT | ResponseFlag.UMSDR | ResponseFlag.DT;
  static readonly NO_HEALTHY_HOST: i64 = ResponseFlag.UH | ResponseFlag.LH | ResponseFlag.DF;
}
