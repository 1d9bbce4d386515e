// Faults that a client asks for by header. Whatever it sends is a wish within bounds; what is no
// whole number counts as not sent.

import { Bytes, NO_GRPC_STATUS, parseInteger } from "../../assembly";
import { BUCKETS, RequestMatch, RequestView } from "../../assembly/rules";
import { Abort } from "./abort";
import { NO_DELAY } from "./delay";
import { GRPC_STATUSES, httpStatusFor } from "./grpc-status";
import { Outcome } from "./policy";

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
const BUCKETS_PER_PERCENT: u32 = BUCKETS / 100;

/** What clients may ask for, and what the last one asked for. */
@final
export class ClientFaults {
  /** Of the last request that `asks` said yes to: milliseconds, or `NO_DELAY`. */
  delayMs: i32 = NO_DELAY;
  abort: Abort | null = null;

  /**
   * Every answer that may be asked for: by HTTP status from 200 on, and behind them by gRPC status.
   */
  private readonly aborts: StaticArray<Abort>;

  constructor(
    readonly name: Bytes,
    private readonly match: RequestMatch,
    /** By `ClientHeader`. */
    readonly headers: StaticArray<Bytes>,
    /** Their slots in the request. */
    readonly slots: StaticArray<i32>,
    private readonly maxDelayMs: u32,
    /** Of `BUCKETS`. */
    private readonly maxShare: u32,
  ) {
    this.aborts = everyAbort();
  }

  /**
   * Whether the request asks for a fault, may, and is drawn: then `delayMs` and `abort` say for
   * what.
   */
  asks(request: RequestView): bool {
    const delay = this.number(request, ClientHeader.Delay);
    this.abort = this.abortOf(request);
    if (delay < 0 && !this.abort) return false;
    this.delayMs = delay < 0 ? NO_DELAY : <i32>min<i64>(delay, this.maxDelayMs);
    return this.match.matches(request) && this.isDrawn(request);
  }

  get outcome(): Outcome {
    return this.abort ? Outcome.Aborted : Outcome.Delayed;
  }

  /** The header's number, or one below 0 where there is none. */
  private number(request: RequestView, header: ClientHeader): i64 {
    const value = request.header(unchecked(this.slots[header]));
    return value ? parseInteger(value) : -1;
  }

  /** The gRPC status counts where both are given. */
  private abortOf(request: RequestView): Abort | null {
    const grpcStatus = this.number(request, ClientHeader.GrpcAbort);
    if (grpcStatus > 0 && grpcStatus < GRPC_STATUSES) {
      return unchecked(this.aborts[HTTP_STATUSES + <i32>grpcStatus]);
    }
    const status = this.number(request, ClientHeader.Abort) - FIRST_STATUS;
    return status >= 0 && status < HTTP_STATUSES ? unchecked(this.aborts[<i32>status]) : null;
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

function everyAbort(): StaticArray<Abort> {
  const aborts = new StaticArray<Abort>(HTTP_STATUSES + GRPC_STATUSES);
  const nothing = Bytes.owned(0);
  const headers: Bytes[] = [];
  for (let i = 0; i < aborts.length; i++) {
    const isGrpc = i >= HTTP_STATUSES;
    const grpcStatus = isGrpc ? i - HTTP_STATUSES : NO_GRPC_STATUS;
    const status = isGrpc ? httpStatusFor(grpcStatus) : FIRST_STATUS + i;
    aborts[i] = new Abort(status, grpcStatus, nothing, null, headers);
  }
  return aborts;
}
