// Bodies and the other buffers that the host hands over piece by piece. They are read as views, and
// written at the front, at the end, or whole.
//
// What a buffer holds in a body callback: the piece that has just arrived. If the callback before
// it returned `StopIterationAndBuffer`, it holds all held bytes and that piece behind them, the
// last piece included. In the trailers callback a held body can still be read and written. Bytes
// that a callback lets go on are gone from the buffer: in later callbacks it is empty, and a write
// gives `BadArgument`.
//
// After `StopIterationNoBuffer` or `StopIterationAndWatermark` leave the buffer alone until the
// next body callback: Envoy still points at a piece that may be gone.

import { proxy_get_buffer_bytes, proxy_get_buffer_status } from "@solo-io/proxy-runtime/assembly/imports";
import { proxy_set_buffer_bytes } from "../abi/env";
import { adoptView, allocate, clearOut, OUT_PTR, OUT_SIZE, OUT_WORD } from "../abi/memory";
import { BufferType, Status } from "../abi/types";
import { bundleLink } from "../bundle-link";
import { Bytes } from "../text/bytes";

/** Past the end of any buffer: a write from here on appends. */
const PAST_END: u32 = i32.MAX_VALUE;

/**
 * One of the host's buffers. Outside of its own callbacks it is empty, and a write gives
 * `BadArgument` or `NotFound`. A stream without a body has no body callback, and no body can be
 * added to it. The response to the filter's own call (`httpCallBody`) can only be read.
 */
@final
export class BodyBuffer {
  constructor(private readonly type: BufferType) {}

  /** How many bytes there are; 0 if there is no buffer. One host call. */
  size(): u32 {
    const whole = this.wholeSize();
    const hidden = this.hidden();
    return whole > hidden ? whole - hidden : 0;
  }

  /**
   * Up to `max` bytes from `start` on: fewer if the buffer ends before, none past its end, and
   * `null` if the host has no such buffer. Valid until the callback ends; later writes do not
   * change the result. One host call, which copies the bytes.
   */
  read(start: u32, max: u32): Bytes | null {
    // The host refuses a range whose end does not fit a 32-bit word.
    const hidden = this.hidden();
    const from = hidden + min(start, u32.MAX_VALUE - hidden);
    return this.readWhole(from, min(max, u32.MAX_VALUE - from));
  }

  /** The whole buffer, otherwise as `read`. */
  readAll(): Bytes | null {
    return this.read(0, u32.MAX_VALUE);
  }

  /** Writes behind the buffer's bytes. One host call. */
  append(bytes: Bytes): Status {
    return this.write(PAST_END, 0, bytes.ptr, bytes.size);
  }

  /** Writes before the buffer's bytes. One host call. */
  prepend(bytes: Bytes): Status {
    return this.hidden() == 0
      ? this.write(0, 0, bytes.ptr, bytes.size)
      : this.rewrite(bytes.ptr, bytes.size, true);
  }

  /**
   * Replaces the buffer's bytes. Change or remove `content-length` in the headers callback. One
   * host call.
   */
  replace(bytes: Bytes): Status {
    return this.hidden() == 0
      ? this.write(0, u32.MAX_VALUE, bytes.ptr, bytes.size)
      : this.rewrite(bytes.ptr, bytes.size, false);
  }

  /** Removes the buffer's bytes. One host call. */
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
   * Writes the whole buffer anew: the hidden bytes, the given ones, and with `keepRest` the bytes
   * that were there.
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

/**
 * The request's body: available in `onRequestBody`, and while it is held in `onRequestTrailers`.
 */
export const requestBody = new BodyBuffer(BufferType.HttpRequestBody);
/**
 * The response's body: available in `onResponseBody`, and while it is held in `onResponseTrailers`.
 */
export const responseBody = new BodyBuffer(BufferType.HttpResponseBody);
/** What the client of a connection sent, in a network filter. */
export const downstreamData = new BodyBuffer(BufferType.NetworkDownstreamData);
/** What the upstream of a connection sent, in a network filter. */
export const upstreamData = new BodyBuffer(BufferType.NetworkUpstreamData);
/** The body of the response to the filter's own HTTP call. */
export const httpCallBody = new BodyBuffer(BufferType.HttpCallResponseBody);
/** A message that arrived on the filter's own gRPC call. */
export const grpcMessage = new BodyBuffer(BufferType.GrpcReceiveBuffer);

/** How much of a body has arrived, for a filter that wants all of it. */
export enum BodyProgress {
  /** Return `StopIterationAndBuffer`. If trailers follow, the body is whole in their callback. */
  More = 0,
  /** All of it is in the buffer. */
  Whole = 1,
  /**
   * The body is over the limit: answer a request with 413 by a local reply and return
   * `StopIterationNoBuffer`, or let it pass unread. A local reply in the body of a response, whose
   * headers have already gone to the client, resets the stream.
   */
  TooLarge = 2,
}

/**
 * For a filter that wants a whole body: says what to do in a body callback. Envoy has its own
 * limits on held bytes, and on what a filter makes of them: the listener's
 * `per_connection_buffer_limit_bytes` with HTTP/1.1 (1 MiB), the stream's window with HTTP/2 (16
 * MiB). Beyond them it answers a request with 413, and resets a response whose headers have gone. A
 * `limit` above Envoy's is never reached.
 * @param size as passed to the callback
 * @param endOfStream as passed to the callback
 * @param limit the largest body that the filter takes, in bytes
 */
export function bodyProgress(size: u32, endOfStream: bool, limit: u32): BodyProgress {
  if (size > limit) return BodyProgress.TooLarge;
  return endOfStream ? BodyProgress.Whole : BodyProgress.More;
}
