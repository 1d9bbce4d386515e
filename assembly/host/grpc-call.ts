// gRPC calls to a cluster of Envoy's: one message for one, and streams both ways.

import {
  proxy_get_status,
  proxy_grpc_cancel,
  proxy_grpc_close,
  proxy_grpc_send,
} from "@solo-io/proxy-runtime/assembly/imports";
import { proxy_grpc_call, proxy_grpc_stream } from "../abi/env";
import { adoptView, clearOut, OUT_PTR, OUT_SIZE, OUT_WORD } from "../abi/memory";
import { GrpcStatus, Status } from "../abi/types";
import { Bytes } from "../text/bytes";
import { cleanMessage, saysTimeout } from "../text/grpc-message";
import { ProtobufWriter } from "../text/protobuf";
import { addCall, dropCall, endCall, PendingCall } from "./pending-calls";

/**
 * What is done with the answer to a `grpcCall`. It runs in the context that made the call, and not
 * at all when that is gone. One handler waits for one call at a time, and may make the next one as
 * soon as it was called.
 */
export abstract class GrpcCallHandler extends PendingCall {
  /**
   * The message came, and the status is `Ok`.
   * @param size bytes of `grpcMessage`, which holds it during this call.
   */
  abstract onResponse(size: u32): void;

  /**
   * No message will come.
   * @param status what the server answered, or Envoy's: `DeadlineExceeded` when the timeout passed,
   * `Unavailable` when no server could be
   *   reached, `Internal` when the stream broke or ended without a message.
   * @param message the server's words, decoded, or Envoy's; may be empty. Valid only during this
   * call.
   */
  abstract onFailure(status: GrpcStatus, message: Bytes): void;

  /** The handler will not be called for the call under way; the server sees it cancelled. */
  cancel(): void {
    if (this.isPending) dropCall(this);
  }

  // Of a call for one message the host says no more than that it came, or why it did not.

  grpcMessage(size: u32): void {
    endCall(this);
    this.onResponse(size);
  }

  grpcClose(status: GrpcStatus): void {
    endCall(this);
    const message = statusMessage();
    // The host says `Unavailable` when the time is up.
    const failure = saysTimeout(message) ? GrpcStatus.DeadlineExceeded : status;
    cleanMessage(message);
    this.onFailure(failure, message);
  }

  abandon(): void {
    proxy_grpc_cancel(this.token);
  }
}

/**
 * What is done with what comes in on a `grpcStream`, and the way out for what goes. It runs in the
 * context that opened the stream; when that is gone the stream is cancelled.
 */
export abstract class GrpcStreamHandler extends PendingCall {
  private sendsNoMore: bool = false;

  /** The server's initial metadata came, `grpcInitialMetadata`: so many headers. */
  onInitialMetadata(headers: u32): void {}

  /**
   * A message came.
   * @param size bytes of `grpcMessage`, which holds it during this call.
   */
  abstract onMessage(size: u32): void;

  /**
   * The server's trailing metadata came, `grpcTrailingMetadata`: so many headers. `onClose`
   * follows.
   */
  onTrailingMetadata(headers: u32): void {}

  /**
   * The server ended the stream, or it broke. Nothing more comes, and nothing can be sent.
   * Parameters as in `GrpcCallHandler.onFailure`.
   */
  abstract onClose(status: GrpcStatus, message: Bytes): void;

  /**
   * Sends a message.
   * @param endOfStream it is the last one.
   * @returns `NotFound` when the stream has ended, `BadArgument` when the last message was sent
   * already.
   */
  send(message: Bytes, endOfStream: bool): Status {
    if (!this.isPending) return Status.NotFound;
    if (this.sendsNoMore) return Status.BadArgument;
    const status = proxy_grpc_send(this.token, message.ptr, message.size, 0);
    // The host forgets a stream only when it was closed: to end it with a message leaves its record
    // behind for ever.
    return endOfStream && status == Status.Ok ? this.close() : status;
  }

  /**
   * Sends no more; the server's messages still come. `NotFound` when the stream has ended,
   * `BadArgument` when that was done already.
   */
  close(): Status {
    if (!this.isPending) return Status.NotFound;
    if (this.sendsNoMore) return Status.BadArgument;
    this.sendsNoMore = true;
    return proxy_grpc_close(this.token);
  }

  /** Ends both directions; nothing more comes in, `onClose` included. */
  cancel(): void {
    if (this.isPending) dropCall(this);
  }

  /** For `grpcStream`: the stream is open. */
  open(token: u32): void {
    this.sendsNoMore = false;
    addCall(this, token);
  }

  grpcInitialMetadata(headers: u32): void {
    this.onInitialMetadata(headers);
  }

  grpcMessage(size: u32): void {
    this.onMessage(size);
  }

  grpcTrailingMetadata(headers: u32): void {
    this.onTrailingMetadata(headers);
  }

  grpcClose(status: GrpcStatus): void {
    endCall(this);
    // The host would keep the record of a stream that ended while this side might still send, and
    // the record leads to freed memory.
    if (!this.sendsNoMore) this.abandon();
    const message = statusMessage();
    cleanMessage(message);
    this.onClose(status, message);
  }

  abandon(): void {
    proxy_grpc_cancel(this.token);
  }
}

/**
 * Who to call, made once and kept. The host would take a cluster's bare name too, but where that
 * looks like a serialized message, as `users` does, Envoy crashes.
 */
@final
export class GrpcService {
  /** A serialized `envoy.config.core.v3.GrpcService`. */
  readonly encoded: Bytes;

  /** @param cluster a cluster's name in Envoy's configuration; the cluster must speak HTTP/2. */
  constructor(cluster: Bytes) {
    const envoyGrpc = new ProtobufWriter();
    envoyGrpc.bytes(1, cluster);
    const service = new ProtobufWriter();
    service.bytes(1, envoyGrpc.finish());
    this.encoded = service.finish().copy();
  }
}

/**
 * Sends one message and waits for one. Allocates nothing.
 * @param serviceName with its package: `grpc.health.v1.Health`.
 * @param method such as `Check`.
 * @param initialMetadata headers encoded with `encodePairs`, or `null`.
 * @param message serialized, without gRPC's five bytes before it.
 * @param timeoutMs until the answer is there; 0 waits for ever.
 * @returns `Ok`, and the handler is called once, later. Else it is not called: `ParseFailure` where
 * there is no such cluster, `InternalFailure`
 *   where no endpoint can be tried, `BadArgument` when the handler waits already.
 */
export function grpcCall(
  service: GrpcService,
  serviceName: Bytes,
  method: Bytes,
  initialMetadata: Bytes | null,
  message: Bytes,
  timeoutMs: u32,
  handler: GrpcCallHandler,
): Status {
  if (handler.isPending) return Status.BadArgument;
  store<u32>(OUT_WORD, 0);
  const status = proxy_grpc_call(
    service.encoded.ptr,
    service.encoded.size,
    serviceName.ptr,
    serviceName.size,
    method.ptr,
    method.size,
    initialMetadata ? initialMetadata.ptr : 0,
    initialMetadata ? initialMetadata.size : 0,
    message.ptr,
    message.size,
    timeoutMs,
    OUT_WORD,
  );
  if (status == Status.Ok) addCall(handler, load<u32>(OUT_WORD));
  return status;
}

/**
 * Opens a stream. Parameters as in `grpcCall`; there is no timeout: set a timer that cancels it.
 * @returns `Ok`, and the handler's methods are called as things come in. Else none is. Statuses as
 * in `grpcCall`.
 */
export function grpcStream(
  service: GrpcService,
  serviceName: Bytes,
  method: Bytes,
  initialMetadata: Bytes | null,
  handler: GrpcStreamHandler,
): Status {
  if (handler.isPending) return Status.BadArgument;
  store<u32>(OUT_WORD, 0);
  const status = proxy_grpc_stream(
    service.encoded.ptr,
    service.encoded.size,
    serviceName.ptr,
    serviceName.size,
    method.ptr,
    method.size,
    initialMetadata ? initialMetadata.ptr : 0,
    initialMetadata ? initialMetadata.size : 0,
    OUT_WORD,
  );
  if (status == Status.Ok) handler.open(load<u32>(OUT_WORD));
  return status;
}

/** The words that go with the status of a gRPC call that has just closed. */
function statusMessage(): Bytes {
  clearOut();
  proxy_get_status(OUT_WORD, OUT_PTR, OUT_SIZE);
  return adoptView();
}
