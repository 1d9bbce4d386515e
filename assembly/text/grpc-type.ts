// The content type of a gRPC call.

import { Bytes } from "./bytes";

const GRPC = Bytes.of("application/grpc");
const PLUS: u8 = 0x2b;

/**
 * Whether Envoy treats a request with that content type as a gRPC call and answers it as one.
 * `application/grpc;charset=utf-8` is not such a type, nor is that of gRPC-Web.
 */
export function isGrpcType(contentType: Bytes | null): bool {
  if (!contentType || !contentType.startsWith(GRPC)) return false;
  return contentType.size == GRPC.size || contentType.at(GRPC.size) == PLUS;
}
