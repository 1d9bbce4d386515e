// The time that one attempt has left.

import { NO_TIMEOUT } from "../../assembly";

/** What the router writes when no time is left, because 0 would mean no limit. */
const OUT_OF_TIME_NS: u64 = 1_000_000;

@final
export class Deadline {
  /** When the router's time ends, on the monotonic clock. */
  private end: u64 = NO_TIMEOUT;
  /** The client's deadline for the request, counted from its start. */
  grpc: u64 = NO_TIMEOUT;

  clear(): void {
    this.end = NO_TIMEOUT;
    this.grpc = NO_TIMEOUT;
  }

  /**
   * @param now when the attempt begins, on the monotonic clock
   * @param expected the time that the router gives this attempt from now on
   */
  set(now: u64, expected: u64, grpc: u64): void {
    const span = expected == OUT_OF_TIME_NS ? 0 : expected;
    this.end = span >= NO_TIMEOUT - now ? NO_TIMEOUT : now + span;
    this.grpc = grpc;
  }

  /** Whether the router's time has passed. */
  isOver(now: u64): bool {
    return now >= this.end;
  }
}
