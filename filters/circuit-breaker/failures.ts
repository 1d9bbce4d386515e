// Which responses count as failures.

import { ResponseFlag } from "../../assembly";
import {
  DEFAULT_GRPC_FAILURES,
  MAX_FAILURE_STATUS,
  MIN_FAILURE_STATUS,
  RESOURCE_EXHAUSTED,
  TOO_MANY_REQUESTS,
} from "./limits";
import { Result } from "./policy";

/** The lowest status with which Envoy reports an upstream's failure. */
const SERVER_ERROR: i64 = 500;
/** No limit of time. */
export const NEVER_SLOW: u64 = u64.MAX_VALUE;

/**
 * The flags of each word of `NETWORK_FAILURES`, in their order. `incomplete` has none: it is the
 * flags of the others, on a response that has begun.
 */
export const NETWORK_FLAGS: StaticArray<i64> = [
  ResponseFlag.REFUSED,
  ResponseFlag.RESET,
  ResponseFlag.TIMEOUT,
  ResponseFlag.NO_HEALTHY_HOST,
  0,
];
/** What ends an exchange with a host. */
const CUT: i64 = ResponseFlag.REFUSED | ResponseFlag.RESET | ResponseFlag.TIMEOUT;
const NETWORK: i64 = CUT | ResponseFlag.NO_HEALTHY_HOST;
/** Of a response that has begun, these say that the upstream did not end it. */
const BROKEN: i64 = CUT | ResponseFlag.SI;
/** The client has gone. */
const CLIENT: i64 = ResponseFlag.DC | ResponseFlag.DR;

/** What Envoy knows of a response, asked only where it matters. */
export abstract class ResponseFacts {
  abstract flags(): i64;

  /** Whether the response came from the upstream, and not from Envoy or one of its filters. */
  abstract isUpstreams(): bool;
}

@final
export class Failures {
  private readonly statuses: StaticArray<bool> = new StaticArray<bool>(
    MAX_FAILURE_STATUS - MIN_FAILURE_STATUS + 1,
  );
  private grpc: u32 = 0;
  /** The flags that count. */
  network: i64 = 0;
  /** Whether a response counts only once it has ended. */
  awaitsEnd: bool = false;
  /** A response that begins later than this many nanoseconds after its request counts as failed. */
  slow: u64 = NEVER_SLOW;

  addStatus(status: i32): void {
    this.statuses[status - MIN_FAILURE_STATUS] = true;
  }

  addGrpc(status: u32): void {
    this.grpc |= 1 << status;
  }

  addDefaultGrpc(): void {
    for (let i = 0; i < DEFAULT_GRPC_FAILURES.length; i++) this.addGrpc(DEFAULT_GRPC_FAILURES[i]);
  }

  /** What the headers of a response say. */
  ofStatus(status: i64, latency: u64, facts: ResponseFacts): Result {
    if (status == TOO_MANY_REQUESTS) return Result.Unknown;
    const isListed = this.lists(status);
    if (!isListed && status < SERVER_ERROR) return this.timely(latency);
    const flags = facts.flags();
    if ((flags & NETWORK) != 0) return (flags & this.network) != 0 ? Result.Failed : Result.Unknown;
    if (!facts.isUpstreams()) return Result.Unknown;
    return isListed ? Result.Failed : this.timely(latency);
  }

  /** What the gRPC status says, which a response has in its headers or trailers. */
  ofGrpc(status: i64, latency: u64, facts: ResponseFacts): Result {
    if (status == RESOURCE_EXHAUSTED) return Result.Unknown;
    if (status == 0) return this.timely(latency);
    const flags = facts.flags();
    if ((flags & NETWORK) != 0) return (flags & this.network) != 0 ? Result.Failed : Result.Unknown;
    if (!facts.isUpstreams()) return Result.Unknown;
    const isListed = status > 0 && status < 32 && (this.grpc & (1 << (<u32>status))) != 0;
    return isListed ? Result.Failed : this.timely(latency);
  }

  /** What the end of a response says that had begun well. */
  ofEnd(latency: u64, facts: ResponseFacts): Result {
    const flags = facts.flags();
    if ((flags & CLIENT) != 0) return Result.Unknown;
    return (flags & BROKEN) != 0 ? Result.Failed : this.timely(latency);
  }

  /** What a client says that went away before there was a response. */
  ofDeparture(waited: u64): Result {
    return waited > this.slow ? Result.Failed : Result.Unknown;
  }

  private timely(latency: u64): Result {
    return latency > this.slow ? Result.Failed : Result.Succeeded;
  }

  private lists(status: i64): bool {
    if (status < MIN_FAILURE_STATUS || status > MAX_FAILURE_STATUS) return false;
    return unchecked(this.statuses[<i32>status - MIN_FAILURE_STATUS]);
  }
}
