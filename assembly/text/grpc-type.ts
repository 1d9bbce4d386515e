// The content types of calls: gRPC, and gRPC-Web, which browsers speak.

import { Bytes } from "./bytes";

/** The protocol in which a client wants its answer. */
export enum CallProtocol {
  Http,
  Grpc,
  /** gRPC-Web in bytes. */
  GrpcWeb,
  /** gRPC-Web in base64. */
  GrpcWebText,
}

const GRPC = Bytes.of("application/grpc");
const GRPC_WEB = Bytes.of("application/grpc-web");
const GRPC_WEB_TEXT = Bytes.of("application/grpc-web-text");
const PLUS: u8 = 0x2b;
const SEMICOLON: u8 = 0x3b;

/**
 * The protocol of a request with that content type. Behind Envoy's `grpc_web` filter gRPC-Web is
 * gRPC.
 */
export function protocolOf(contentType: Bytes | null): CallProtocol {
  if (!contentType || !contentType.startsWith(GRPC)) return CallProtocol.Http;
  if (endsAt(contentType, GRPC.size, false)) return CallProtocol.Grpc;
  if (contentType.startsWith(GRPC_WEB_TEXT) && endsAt(contentType, GRPC_WEB_TEXT.size, true))
    return CallProtocol.GrpcWebText;
  if (contentType.startsWith(GRPC_WEB) && endsAt(contentType, GRPC_WEB.size, true))
    return CallProtocol.GrpcWeb;
  return CallProtocol.Http;
}

/**
 * Whether Envoy treats a request with that content type as a gRPC call and answers it as one.
 * `application/grpc;charset=utf-8` is not such a type, nor is that of gRPC-Web.
 */
export function isGrpcType(contentType: Bytes | null): bool {
  return protocolOf(contentType) == CallProtocol.Grpc;
}

/** Whether the type's name ends there: a codec (`+proto`) may follow, or perhaps parameters. */
function endsAt(type: Bytes, size: i32, mayHaveParameters: bool): bool {
  if (type.size == size) return true;
  const next = type.at(size);
  return next == PLUS || (mayHaveParameters && next == SEMICOLON);
}
