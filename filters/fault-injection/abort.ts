// The answer to an aborted request: a local reply or, in a cluster's chain, a replacement for the
// upstream's response.

import { Bytes, encodePairs, NO_GRPC_STATUS } from "../../assembly";
import { escapedMessage, grpcStatusFor } from "./grpc-status";
import { NO_CONTENT, NOT_MODIFIED } from "./limits";

const CONTENT_TYPE = Bytes.of("content-type");

/**
 * Whether a response of that status has no body. A client would take bytes after such a response
 * for the next one.
 */
export function isBodiless(status: u32): bool {
  return status == NO_CONTENT || status == NOT_MODIFIED;
}

/** An answer. */
@final
export class Abort {
  /**
   * The content type, if one is given, and further headers, encoded for a local reply; `null` if
   * there are none.
   */
  readonly replyHeaders: Bytes | null;
  private readonly ofReply: Array<Bytes>;
  /** The body as a gRPC message; `null` for an empty one. */
  readonly message: Bytes | null;

  /**
   * @param status HTTP status, 200 to 599
   * @param grpcStatus for a gRPC client; `NO_GRPC_STATUS` stands for the one that belongs to
   * `status`
   * @param contentType of the body; `null` for the usual one
   * @param headers further ones, `[name, value, …]`
   */
  constructor(
    readonly status: u32,
    readonly grpcStatus: i32,
    readonly body: Bytes,
    readonly contentType: Bytes | null,
    readonly headers: Array<Bytes>,
  ) {
    const ofReply = contentType ? headers.concat([CONTENT_TYPE, contentType]) : headers;
    this.ofReply = ofReply;
    this.replyHeaders = ofReply.length > 0 ? encodePairs(StaticArray.fromArray(ofReply)) : null;
    this.message = body.size > 0 ? escapedMessage(body) : null;
  }

  /** `replyHeaders` and one more header. Allocates. */
  replyHeadersWith(name: Bytes, value: Bytes): Bytes {
    return encodePairs(StaticArray.fromArray(this.ofReply.concat([name, value])));
  }

  /** What a gRPC client gets. */
  get grpcCode(): i32 {
    return this.grpcStatus == NO_GRPC_STATUS ? grpcStatusFor(this.status) : this.grpcStatus;
  }
}
