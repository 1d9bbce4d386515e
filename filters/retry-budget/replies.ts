// What the client of a refused retry gets, where no attempt has a response to give it.

import { Bytes, GrpcStatus, NO_GRPC_STATUS, Reply } from "../../assembly";
import { Outcome } from "./policy";

const GATEWAY_TIMEOUT: u32 = 504;
const NO_HEADERS: Array<Bytes> = [];

/** One answer for each reason to refuse. */
@final
export class Replies {
  private readonly late: Reply;
  private readonly notAllowed: Reply;
  private readonly exceeded: Reply;

  /**
   * @param status HTTP status unless the retry would come too late
   * @param body may be empty; a gRPC client then gets a message of the reason
   */
  constructor(status: u32, body: Bytes) {
    this.late = replyOf(GATEWAY_TIMEOUT, GrpcStatus.DeadlineExceeded, body, "retry deadline exceeded");
    this.notAllowed = replyOf(status, NO_GRPC_STATUS, body, "retry not allowed");
    this.exceeded = replyOf(status, NO_GRPC_STATUS, body, "retry budget exceeded");
  }

  of(reason: Outcome): Reply {
    if (reason == Outcome.Deadline) return this.late;
    return reason == Outcome.Method ? this.notAllowed : this.exceeded;
  }
}

function replyOf(status: u32, grpcStatus: i32, body: Bytes, message: string): Reply {
  return new Reply(status, grpcStatus, body, null, NO_HEADERS, Bytes.of(message));
}
