// Faults that a client asks for by header, within the bounds of the configuration. A delay or
// status that is not a whole number is ignored. A percentage that is not a whole number asks for no
// fault: the client wanted fewer than all requests to fail, and nobody knows how many.

import { Bytes, NO_GRPC_STATUS, NOT_A_NUMBER, parseInteger, Reply } from "../../assembly";
import { BUCKETS, RequestMatch, RequestView } from "../../assembly/rules";
import { NO_DELAY } from "./delay";
import { Outcome } from "./policy";
import { FAULT_MESSAGE, GRPC_STATUSES, httpStatusFor } from "./statuses";

/** The headers, in the order of `ClientFaults.headers`. */
export enum ClientHeader {
  Delay,
  Abort,
  GrpcAbort,
  Percentage,
}

export const CLIENT_HEADERS: i32 = 4;

const FIRST_STATUS: i32 = 200;
/** 200 to 599. */
const HTTP_STATUSES: i32 = 400;
const STATUSES_END: i32 = FIRST_STATUS + HTTP_STATUSES;
const BUCKETS_PER_PERCENT: u32 = BUCKETS / 100;

/** What clients may ask for, and what the last request asked for. */
@final
export class ClientFaults {
  /** The delay of the last request for which `asks` was true, in milliseconds, or `NO_DELAY`. */
  delayMs: i32 = NO_DELAY;
  abort: Reply | null = null;

  /**
   * Every answer that clients may ask for: by HTTP status from 200 on, and behind these by gRPC
   * status.
   */
  private readonly aborts: StaticArray<Reply>;

  constructor(
    readonly name: Bytes,
    private readonly match: RequestMatch,
    /** By `ClientHeader`. */
    readonly headers: StaticArray<Bytes>,
    /** Their slots in the request. */
    readonly slots: StaticArray<i32>,
    private readonly maxDelayMs: u32,
    /** In buckets of `BUCKETS`. */
    private readonly maxShare: u32,
    /** Faults that clients may have at once. */
    readonly maxActive: u32,
    private readonly lengthSlot: i32,
    /** A request with a longer body is not held. */
    private readonly maxBodyBytes: i64,
  ) {
    this.aborts = everyAbort();
  }

  /**
   * Whether the request asks for a fault, is allowed to, and is drawn. If so, `delayMs` and `abort`
   * say for which fault.
   */
  asks(request: RequestView): bool {
    const delay = this.number(request, ClientHeader.Delay);
    this.abort = this.abortOf(request);
    if (delay < 0 && !this.abort) return false;
    this.delayMs = delay < 0 ? NO_DELAY : <i32>min<i64>(delay, this.maxDelayMs);
    return this.match.matches(request) && this.isDrawn(request);
  }

  /**
   * Whether the last request would be held, and says that its body is longer than one that is held
   * may be. Of a length that nobody knows Envoy takes in as much as its limits allow.
   */
  isTooLong(request: RequestView): bool {
    if (this.delayMs == NO_DELAY) return false;
    const length = request.header(this.lengthSlot);
    return length != null && parseInteger(length) > this.maxBodyBytes;
  }

  get outcome(): Outcome {
    return this.abort ? Outcome.Aborted : Outcome.Delayed;
  }

  /** The header's number; `NOT_A_NUMBER` if it is absent or not a number. */
  private number(request: RequestView, header: ClientHeader): i64 {
    const value = request.header(unchecked(this.slots[header]));
    return value ? parseInteger(value) : NOT_A_NUMBER;
  }

  /** The gRPC status is used if both are given. */
  private abortOf(request: RequestView): Reply | null {
    const grpcStatus = this.number(request, ClientHeader.GrpcAbort);
    if (grpcStatus > 0 && grpcStatus < GRPC_STATUSES) {
      return unchecked(this.aborts[HTTP_STATUSES + <i32>grpcStatus]);
    }
    const status = this.number(request, ClientHeader.Abort);
    if (status < FIRST_STATUS || status >= STATUSES_END) return null;
    return unchecked(this.aborts[<i32>status - FIRST_STATUS]);
  }

  private isDrawn(request: RequestView): bool {
    let share: u32 = BUCKETS;
    const header = request.header(unchecked(this.slots[ClientHeader.Percentage]));
    if (header) {
      const percentage = parseInteger(header);
      if (percentage < 0) return false;
      share = <u32>min<i64>(percentage, 100) * BUCKETS_PER_PERCENT;
    }
    share = min(share, this.maxShare);
    return share == BUCKETS || request.draw(BUCKETS) < share;
  }
}

function everyAbort(): StaticArray<Reply> {
  const aborts = new StaticArray<Reply>(HTTP_STATUSES + GRPC_STATUSES);
  const nothing = Bytes.owned(0);
  const headers: Bytes[] = [];
  for (let i = 0; i < aborts.length; i++) {
    const isGrpc = i >= HTTP_STATUSES;
    const grpcStatus = isGrpc ? i - HTTP_STATUSES : NO_GRPC_STATUS;
    const status = isGrpc ? httpStatusFor(grpcStatus) : FIRST_STATUS + i;
    aborts[i] = new Reply(status, grpcStatus, nothing, null, headers, FAULT_MESSAGE);
  }
  return aborts;
}
