// gRPC calls to one of Envoy's clusters: one message for one, and streams both ways.

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
 * Handles the answer to a `grpcCall`. It runs in the context that made the call, and not at all if
 * that context is gone. One handler waits for one call at a time, and may make the next one from
 * within its own method.
 */
export abstract class GrpcCallHandler extends PendingCall {
  /**
   * The message arrived, and the status is `Ok`.
   * @param size bytes of `grpcMessage`, which holds it during this call.
   */
  abstract onResponse(size: u32): void;

  /**
   * No message will come.
   * @param status the server's answer, or Envoy's: `DeadlineExceeded` when the timeout passed,
   * `Unavailable` when no server could be reached, `Internal` when the stream broke or ended
   * without a message.
   * @param message the server's words, decoded, or Envoy's; may be empty. Valid only during this
   * call.
   */
  abstract onFailure(status: GrpcStatus, message: Bytes): void;

  /** The handler will not be called for the call under way; the server sees it cancelled. */
  cancel(): void {
    if (this.isPending) dropCall(this);
  }

  // For a call with one message the host only says that the message arrived, or why it did not.

  grpcMessage(size: u32): void {
    endCall(this);
    this.onResponse(size);
  }

  grpcClose(status: GrpcStatus): void {
    endCall(this);
    const message = statusMessage();
    // The host says `Unavailable` when the timeout has passed.
    const failure = saysTimeout(message) ? GrpcStatus.DeadlineExceeded : status;
    cleanMessage(message);
    this.onFailure(failure, message);
  }

  abandon(): void {
    proxy_grpc_cancel(this.token);
  }
}

/**
 * Handles what arrives on a `grpcStream`, and sends messages on it. It runs in the context that
 * opened the stream; if that context is gone, the stream is cancelled.
 */
export abstract class GrpcStreamHandler extends PendingCall {
  private sendsNoMore: bool = false;

  /**
   * The server's initial metadata arrived in `grpcInitialMetadata`; `headers` says how many there
   * are.
   */
  onInitialMetadata(headers: u32): void {}

  /**
   * A message arrived.
   * @param size bytes of `grpcMessage`, which holds it during this call.
   */
  abstract onMessage(size: u32): void;

  /**
   * The server's trailing metadata arrived in `grpcTrailingMetadata`; `headers` says how many there
   * are. `onClose` follows.
   */
  onTrailingMetadata(headers: u32): void {}

  /**
   * The server ended the stream, or it broke. Nothing more arrives, and nothing can be sent.
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
    // The host forgets a stream only when it was closed. If a message ended it, its record would
    // stay for ever.
    return endOfStream && status == Status.Ok ? this.close() : status;
  }

  /**
   * Sends no more; the server's messages still arrive. `NotFound` when the stream has ended,
   * `BadArgument` when this was done already.
   */
  close(): Status {
    if (!this.isPending) return Status.NotFound;
    if (this.sendsNoMore) return Status.BadArgument;
    this.sendsNoMore = true;
    return proxy_grpc_close(this.token);
  }

  /** Ends both directions; nothing more arrives, `onClose` included. */
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
    // that record leads to freed memory.
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
 * The service to call, made once and kept. The host would take a cluster's bare name too. But if
 * that name looks like a serialized message, as `users` does, Envoy crashes.
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
 * @param timeoutMs until the answer has arrived; 0 waits for ever.
 * @returns `Ok`, and the handler is called once, later. With another status it is not called:
 * `ParseFailure` if there is no such cluster, `InternalFailure` if no endpoint can be tried,
 * `BadArgument` if the handler is already waiting.
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
 * Opens a stream. Parameters as in `grpcCall`. There is no timeout: set a timer that cancels the
 * stream.
 * @returns `Ok`, and the handler's methods are called as things arrive. With another status none is
 * called. Statuses as in `grpcCall`.
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

/** The message that belongs to the status of a gRPC call that has just closed. */
function statusMessage(): Bytes {
  clearOut();
  proxy_get_status(OUT_WORD, OUT_PTR, OUT_SIZE);
  return adoptView();
}
