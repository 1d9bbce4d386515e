// Maps HTTP statuses to gRPC statuses and back, and encodes the message of a gRPC status.

import { Bytes, GrpcStatus } from "../../assembly";

/**
 * HTTP statuses by gRPC status, 0 to 16. Source:
 * https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
 */
const HTTP_STATUSES: StaticArray<u32> = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/** How many gRPC statuses there are. */
export const GRPC_STATUSES: i32 = 17;

const HEX_DIGITS = Bytes.of("0123456789ABCDEF");
const PERCENT: u8 = 0x25;

/** The HTTP status that belongs to a gRPC status of 0 to 16. */
export function httpStatusFor(grpcStatus: i32): u32 {
  return HTTP_STATUSES[grpcStatus];
}

/**
 * The gRPC status that a client derives from an HTTP status. Source:
 * https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
 */
export function grpcStatusFor(status: u32): GrpcStatus {
  switch (status) {
    case 400:
      return GrpcStatus.Internal;
    case 401:
      return GrpcStatus.Unauthenticated;
    case 403:
      return GrpcStatus.PermissionDenied;
    case 404:
      return GrpcStatus.Unimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus.Unavailable;
    default:
      return GrpcStatus.Unknown;
  }
}

/**
 * The message in the form for a header: `%`, and anything that is not printable ASCII, becomes `%`
 * and two hexadecimal digits.
 */
export function escapedMessage(message: Bytes): Bytes {
  const escaped = Bytes.owned(3 * message.size);
  let to = escaped.ptr;
  for (let i = 0; i < message.size; i++) {
    const byte = message.at(i);
    if (byte >= 0x20 && byte <= 0x7e && byte != PERCENT) {
      store<u8>(to++, byte);
      continue;
    }
    store<u8>(to++, PERCENT);
    store<u8>(to++, HEX_DIGITS.at(byte >> 4));
    store<u8>(to++, HEX_DIGITS.at(byte & 15));
  }
  escaped.size = <i32>(to - escaped.ptr);
  return escaped;
}
