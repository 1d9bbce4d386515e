// An answer to a request in the request's own protocol: HTTP, gRPC, or gRPC-Web on either side of
// Envoy's `grpc_web` filter. Envoy itself makes a gRPC answer of a local reply only for a request
// that came in as gRPC, so that a gRPC-Web client would read a plain HTTP status.

import { scratch } from "../abi/memory";
import { GrpcStatus, NO_GRPC_STATUS, Status } from "../abi/types";
import { base64Size, writeBase64 } from "../text/base64";
import { Bytes } from "../text/bytes";
import { ESCAPED_SIZE, writeEscaped } from "../text/grpc-message";
import { grpcStatusFor } from "../text/grpc-status";
import { CallProtocol, protocolOf } from "../text/grpc-type";
import { trailersFrameSize, writeTrailersFrame } from "../text/grpc-web";
import { PairsBuilder } from "../text/header-pairs";
import { decimalText } from "../text/number";
import { requestHeaders } from "./headers";
import { sendLocalReply } from "./local-reply";

const CONTENT_TYPE = Bytes.of("content-type");
const GRPC_STATUS = Bytes.of("grpc-status");
const GRPC_MESSAGE = Bytes.of("grpc-message");
const GRPC_WEB = Bytes.of("application/grpc-web+proto");
const GRPC_WEB_TEXT = Bytes.of("application/grpc-web-text+proto");
/** The HTTP status of every gRPC answer. */
const OK: u32 = 200;
const NOTHING = new Bytes(0, 0);

const pairs = new PairsBuilder();

/** The protocol of the current request. One host call. */
export function requestProtocol(): CallProtocol {
  return protocolOf(requestHeaders.get(CONTENT_TYPE));
}

/**
 * An answer that is prepared once. To an HTTP client it is `status` and `body`, to a gRPC client
 * `grpcCode` and `message`.
 */
@final
export class Reply {
  /** 0 to 16. */
  readonly grpcCode: GrpcStatus;
  /** The message of the gRPC status, escaped for a header. */
  readonly message: Bytes;

  /**
   * @param status HTTP status, 200 to 599
   * @param grpcStatus `NO_GRPC_STATUS` stands for the one that clients derive from `status`
   * @param body may be empty; otherwise it is also the message of the gRPC status
   * @param contentType of the body; `null` for Envoy's `text/plain`
   * @param headers further ones, `[name, value, …]`
   * @param message for gRPC clients where the body is empty; printable ASCII without `%`
   */
  constructor(
    readonly status: u32,
    grpcStatus: i32,
    readonly body: Bytes,
    readonly contentType: Bytes | null,
    readonly headers: Array<Bytes>,
    message: Bytes,
  ) {
    this.grpcCode = grpcStatus == NO_GRPC_STATUS ? grpcStatusFor(status) : <GrpcStatus>grpcStatus;
    this.message = body.size > 0 ? escaped(body, Bytes.owned(ESCAPED_SIZE * body.size)) : message;
  }

  /**
   * Answers the current request, see `sendLocalReply`. One host call, and nothing for the garbage
   * collector.
   * @param protocol of the request
   * @param body replaces the answer's own if it is not empty
   * @param name of one more header, `null` for none; nor is there one if `value` is empty
   */
  send(
    protocol: CallProtocol,
    details: Bytes,
    body: Bytes = NOTHING,
    name: Bytes | null = null,
    value: Bytes = NOTHING,
  ): Status {
    pairs.clear();
    for (let i = 0; i + 1 < this.headers.length; i += 2) {
      pairs.add(unchecked(this.headers[i]), unchecked(this.headers[i + 1]));
    }
    if (name && value.size > 0) pairs.add(name, value);
    if (protocol == CallProtocol.Http) {
      const type = this.contentType;
      if (type) pairs.add(CONTENT_TYPE, type);
      return sendLocalReply(this.status, details, body.size > 0 ? body : this.body, encoded());
    }
    const message = body.size > 0 ? escaped(body, scratch(ESCAPED_SIZE * body.size)) : this.message;
    if (protocol != CallProtocol.Grpc) {
      pairs.add(CONTENT_TYPE, webType(protocol));
      return sendLocalReply(OK, details, this.webFrame(protocol, message), encoded(), this.grpcCode);
    }
    // Behind `grpc_web`, Envoy would not write them.
    pairs.add(GRPC_STATUS, decimalText(this.grpcCode));
    if (message.size > 0) pairs.add(GRPC_MESSAGE, message);
    return sendLocalReply(OK, details, NOTHING, encoded(), this.grpcCode);
  }

  /**
   * The body of this answer in gRPC-Web. There the status stands in the body: Envoy takes the
   * content type from an answer without one, and a browser shows a page only the headers that the
   * answer allows it to see. Valid until the callback ends.
   */
  webFrame(protocol: CallProtocol, message: Bytes): Bytes {
    const status = decimalText(this.grpcCode);
    const frame = scratch(trailersFrameSize(status, message));
    writeTrailersFrame(frame.ptr, status, message);
    if (protocol != CallProtocol.GrpcWebText) return frame;
    const text = scratch(base64Size(frame.size));
    writeBase64(text.ptr, frame);
    return text;
  }
}

/** The content type of an answer in gRPC-Web. */
export function webType(protocol: CallProtocol): Bytes {
  return protocol == CallProtocol.GrpcWebText ? GRPC_WEB_TEXT : GRPC_WEB;
}

function encoded(): Bytes | null {
  if (pairs.count == 0) return null;
  const headers = scratch(pairs.size);
  pairs.write(headers.ptr);
  return headers;
}

function escaped(message: Bytes, room: Bytes): Bytes {
  room.size = writeEscaped(room.ptr, message);
  return room;
}
