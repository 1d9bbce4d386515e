// The content type by which a gRPC call is known.

import { Bytes } from "./bytes";

const GRPC = Bytes.of("application/grpc");
const PLUS: u8 = 0x2b;

/**
 * Whether Envoy takes a request of that content type for a gRPC call, and gives it such answers:
 * `application/grpc;charset=utf-8` is none, nor is gRPC-Web.
 */
export function isGrpcType(contentType: Bytes | null): bool {
  if (!contentType || !contentType.startsWith(GRPC)) return false;
  return contentType.size == GRPC.size || contentType.at(GRPC.size) == PLUS;
}
