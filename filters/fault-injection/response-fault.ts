// A spoilt response: another status, a body that ends early, or a slow one. Pure: sizes and times
// go in, the number of bytes that may pass comes out.

import { Bytes, GrpcStatus } from "../../assembly";

/**
 * The `truncateAfter` and `afterMessages` of a fault that does not truncate, and the
 * `bytesPerSecond` of one that does not throttle.
 */
export const UNLIMITED: u32 = u32.MAX_VALUE;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/** How a response is spoilt. */
@final
export class ResponseFault {
  /** The status as text, for the header. */
  readonly statusText: Bytes;

  constructor(
    /** 200 to 599; 0 leaves the status as it is. */
    readonly status: u32,
    /** Bytes of the body that pass. */
    readonly truncateAfter: u32,
    readonly bytesPerSecond: u32,
    /** Messages of a gRPC response that pass. */
    readonly afterMessages: u32 = UNLIMITED,
    /** The gRPC status of a call that is cut off. */
    readonly cutStatus: GrpcStatus = GrpcStatus.Unavailable,
    /** The stream is reset where the body is cut off. */
    readonly resets: bool = false,
  ) {
    this.statusText = Bytes.of(status.toString());
  }

  get truncates(): bool {
    return this.truncateAfter != UNLIMITED;
  }

  get countsMessages(): bool {
    return this.afterMessages != UNLIMITED;
  }

  get throttles(): bool {
    return this.bytesPerSecond != UNLIMITED;
  }
}

/** How much of one body has arrived, and when that much may have reached the client. */
@final
export class BodyMeter {
  private truncateAfter: u32 = UNLIMITED;
  private bytesPerSecond: u32 = UNLIMITED;
  private startNs: u64 = 0;
  private passed: u64 = 0;

  /** A body begins. `nowNs` is on the monotonic clock, like all times here. */
  begin(fault: ResponseFault, nowNs: u64): void {
    this.truncateAfter = fault.truncateAfter;
    this.bytesPerSecond = fault.bytesPerSecond;
    this.startNs = nowNs;
    this.passed = 0;
  }

  /** How many of the next `size` bytes pass; the others are cut off. */
  admit(size: u32): u32 {
    const left: u64 = this.truncateAfter == UNLIMITED ? size : this.truncateAfter - this.passed;
    const admitted = <u32>min<u64>(size, left);
    this.passed += admitted;
    return admitted;
  }

  /** When, at the configured rate, all bytes that passed may have reached the client. */
  get dueNs(): u64 {
    if (this.bytesPerSecond == UNLIMITED) return this.startNs;
    const rate: u64 = this.bytesPerSecond;
    const seconds = this.passed / rate;
    return (
      this.startNs + seconds * NANOSECONDS_PER_SECOND + ((this.passed % rate) * NANOSECONDS_PER_SECOND) / rate
    );
  }
}
