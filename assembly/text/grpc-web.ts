// The end of a gRPC-Web response: its trailers are a frame of the body. Source:
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md

import { Bytes } from "./bytes";

/** The first byte of a frame that has trailers. */
const TRAILERS: u8 = 0x80;
/** That byte, and the size of what follows. */
const FRAME_HEADER: i32 = 5;
const STATUS = Bytes.of("grpc-status:");
const MESSAGE = Bytes.of("grpc-message:");
const LINE_END = Bytes.of("\r\n");

const BASE64 = Bytes.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const PADDING: u8 = 0x3d;

/** Bytes of the frame that `writeTrailersFrame` writes. */
export function trailersFrameSize(status: Bytes, message: Bytes): i32 {
  return FRAME_HEADER + STATUS.size + status.size + MESSAGE.size + message.size + 2 * LINE_END.size;
}

/**
 * Writes a frame with the trailers of a call that ends.
 * @param status the gRPC status in digits
 * @param message escaped for a header
 */
export function writeTrailersFrame(start: usize, status: Bytes, message: Bytes): void {
  store<u8>(start, TRAILERS);
  store<u32>(start, bswap<u32>(trailersFrameSize(status, message) - FRAME_HEADER), 1);
  let to = put(start + FRAME_HEADER, STATUS);
  to = put(to, status);
  to = put(to, LINE_END);
  to = put(to, MESSAGE);
  to = put(to, message);
  put(to, LINE_END);
}

/** Bytes that `size` bytes have in base64. */
export function base64Size(size: i32): i32 {
  return ((size + 2) / 3) * 4;
}

/** Writes the bytes in base64, with padding: `base64Size` bytes. */
export function writeBase64(to: usize, bytes: Bytes): void {
  for (let i = 0; i < bytes.size; i += 3) {
    const left = bytes.size - i;
    const first: u32 = bytes.at(i);
    const second: u32 = left > 1 ? bytes.at(i + 1) : 0;
    const third: u32 = left > 2 ? bytes.at(i + 2) : 0;
    const group = (first << 16) | (second << 8) | third;
    store<u8>(to, digit(group >> 18), 0);
    store<u8>(to, digit(group >> 12), 1);
    store<u8>(to, left > 1 ? digit(group >> 6) : PADDING, 2);
    store<u8>(to, left > 2 ? digit(group) : PADDING, 3);
    to += 4;
  }
}

function digit(bits: u32): u8 {
  return BASE64.at(bits & 63);
}

function put(to: usize, text: Bytes): usize {
  memory.copy(to, text.ptr, text.size);
  return to + text.size;
}
