// Bodies and the other buffers that the host hands over piece by piece: read as views, written at
// the front, at the end, or whole.
//
// What a buffer holds: in a body callback the piece that has just come; or, when the callback
// before it returned `StopIterationAndBuffer`, that piece behind all that is held. The last piece
// is among it, and in the trailers callback a body that was held can still be read and written.
// What a callback lets go on is gone from the buffer: in later callbacks it is empty, and a write
// gives `BadArgument`.
//
// After `StopIterationNoBuffer` or `StopIterationAndWatermark` leave the buffer alone until the
// next body callback: Envoy goes on to point at a piece that may be gone.

import { proxy_get_buffer_bytes, proxy_get_buffer_status } from "@solo-io/proxy-runtime/assembly/imports";
import { proxy_set_buffer_bytes } from "../abi/env";
import { adoptView, allocate, clearOut, OUT_PTR, OUT_SIZE, OUT_WORD } from "../abi/memory";
import { BufferType, Status } from "../abi/types";
import { bundleLink } from "../bundle-link";
import { Bytes } from "../text/bytes";

/** Past the end of any buffer: whatever stands there is its end. */
const PAST_END: u32 = i32.MAX_VALUE;

/**
 * One of the host's buffers. Outside of the callbacks that it belongs to it is empty, and a write
 * gives `BadArgument` or `NotFound`. A stream without a body has no body callback, and cannot be
 * given one. The response to a call of the filter's own (`httpCallBody`) can only be read.
 */
@final
export class BodyBuffer {
  constructor(private readonly type: BufferType) {}

  /** How many bytes there are; 0 where there is no buffer. One host call. */
  size(): u32 {
    const whole = this.wholeSize();
    const hidden = this.hidden();
    return whole > hidden ? whole - hidden : 0;
  }

  /**
   * Up to `max` bytes from `start` on: fewer where the buffer ends before, none past its end, and
   * `null` where the host has no such buffer. Valid until the callback ends, and not changed by
   * later writes. One host call, which copies the bytes.
   */
  read(start: u32, max: u32): Bytes | null {
    // The host refuses a range that ends beyond what a word holds.
    const hidden = this.hidden();
    const from = hidden + min(start, u32.MAX_VALUE - hidden);
    return this.readWhole(from, min(max, u32.MAX_VALUE - from));
  }

  /** All of it, as `read` does. */
  readAll(): Bytes | null {
    return this.read(0, u32.MAX_VALUE);
  }

  /** Writes behind what is there. One host call. */
  append(bytes: Bytes): Status {
    return this.write(PAST_END, 0, bytes.ptr, bytes.size);
  }

  /** Writes before what is there. One host call. */
  prepend(bytes: Bytes): Status {
    return this.hidden() == 0
      ? this.write(0, 0, bytes.ptr, bytes.size)
      : this.rewrite(bytes.ptr, bytes.size, true);
  }

  /**
   * Writes in place of what is there. Change `content-length` in the headers callback, or remove it
   * there. One host call.
   */
  replace(bytes: Bytes): Status {
    return this.hidden() == 0
      ? this.write(0, u32.MAX_VALUE, bytes.ptr, bytes.size)
      : this.rewrite(bytes.ptr, bytes.size, false);
  }

  /** Takes away what is there. One host call. */
  clear(): Status {
    return this.hidden() == 0 ? this.write(0, u32.MAX_VALUE, 0, 0) : this.rewrite(0, 0, false);
  }

  private wholeSize(): u32 {
    clearOut();
    store<u32>(OUT_WORD, 0);
    const status = proxy_get_buffer_status(this.type, OUT_SIZE, OUT_WORD);
    return status == Status.Ok ? load<u32>(OUT_SIZE) : 0;
  }

  private readWhole(start: u32, max: u32): Bytes | null {
    clearOut();
    const status = proxy_get_buffer_bytes(this.type, start, max, OUT_PTR, OUT_SIZE);
    return status == Status.Ok ? adoptView() : null;
  }

  private write(start: u32, length: u32, ptr: usize, size: i32): Status {
    return proxy_set_buffer_bytes(this.type, start, length, ptr, size);
  }

  /** Bytes at the start that are not for this filter. */
  private hidden(): u32 {
    const bundle = bundleLink();
    return bundle ? bundle.hiddenBytes(this.type) : 0;
  }

  /**
   * Writes the whole buffer anew: what is hidden, the bytes, and with `keepRest` what was
   * there.
   */
  private rewrite(ptr: usize, size: i32, keepRest: bool): Status {
    const whole = this.readWhole(0, u32.MAX_VALUE);
    if (!whole) return Status.NotFound;
    const hidden = <i32>min<u32>(this.hidden(), whole.size);
    const rest = keepRest ? whole.size - hidden : 0;
    const written = allocate(hidden + size + rest);
    memory.copy(written, whole.ptr, hidden);
    memory.copy(written + hidden, ptr, size);
    memory.copy(written + hidden + size, whole.ptr + hidden, rest);
    return this.write(0, u32.MAX_VALUE, written, hidden + size + rest);
  }
}

/** The request's body: there in `onRequestBody`, and while it is held in `onRequestTrailers`. */
export const requestBody = new BodyBuffer(BufferType.HttpRequestBody);
/** The response's body: there in `onResponseBody`, and while it is held in `onResponseTrailers`. */
export const responseBody = new BodyBuffer(BufferType.HttpResponseBody);
/** What the client of a connection sent, in a network filter. */
export const downstreamData = new BodyBuffer(BufferType.NetworkDownstreamData);
/** What the upstream of a connection sent, in a network filter. */
export const upstreamData = new BodyBuffer(BufferType.NetworkUpstreamData);
/** The body of the response to an HTTP call of the filter's own. */
export const httpCallBody = new BodyBuffer(BufferType.HttpCallResponseBody);
/** A message that came in on a gRPC call of the filter's own. */
export const grpcMessage = new BodyBuffer(BufferType.GrpcReceiveBuffer);

/** How far a body that is wanted whole has come. */
export enum BodyProgress {
  /**
   * Return `StopIterationAndBuffer`. Where trailers follow, the body is whole in their callback.
   */
  More = 0,
  /** All of it is in the buffer. */
  Whole = 1,
  /**
   * It is over the limit: answer a request with 413 by a local reply and return
   * `StopIterationNoBuffer`, or let it pass unread. A local reply in the body of a response, whose
   * headers have gone to the client, resets the stream.
   */
  TooLarge = 2,
}

/**
 * For a filter that wants a body whole: what to do in a body callback. Envoy has limits of its own
 * on what is held, and on what a filter makes of it: the listener's
 * `per_connection_buffer_limit_bytes` with HTTP/1.1 (1 MiB), the stream's window with HTTP/2 (16
 * MiB). Beyond them it answers a request with 413, and resets a response whose headers have gone; a
 * `limit` above them is never met.
 * @param size as the callback was told
 * @param endOfStream as the callback was told
 * @param limit the largest body that is taken, in bytes
 */
export function bodyProgress(size: u32, endOfStream: bool, limit: u32): BodyProgress {
  if (size > limit) return BodyProgress.TooLarge;
  return endOfStream ? BodyProgress.Whole : BodyProgress.More;
}
