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

function put(to: usize, text: Bytes): usize {
  memory.copy(to, text.ptr, text.size);
  return to + text.size;
}
