// The headers that Envoy makes of a local reply.

import type { LocalReply } from "./context.js";
import { HeaderMap } from "./header-map.js";

/** The gRPC statuses for HTTP statuses. All others are 2, unknown. */
export const GRPC_OF_HTTP: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};
export const UNKNOWN_GRPC_STATUS = 2;
const PERCENT = 0x25;
/** Envoy drops a header whose name is not like this. */
const HEADER_NAME = /^:?[\w!#$%&'*+.^`|~-]+$/;

/**
 * A gRPC message with Envoy's escapes: for `%`, and for every byte that is not printable ASCII. The
 * characters of the body are its bytes (latin1).
 */
function escapedMessage(body: string): string {
  return [...Buffer.from(body, "latin1")]
    .map((byte) =>
      byte < 0x20 || byte > 0x7e || byte === PERCENT
        ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
        : String.fromCharCode(byte),
    )
    .join("");
}

/**
 * For a gRPC client the answer consists of headers alone: status 200, with the body as the message.
 */
export function localReplyHeaders(reply: LocalReply, isGrpc: boolean): HeaderMap {
  const map = new HeaderMap([[":status", isGrpc ? "200" : `${reply.status}`]]);
  for (const [name, value] of reply.headers) if (HEADER_NAME.test(name)) map.add(name, value);
  if (isGrpc) {
    map.set("content-type", "application/grpc");
    map.set("grpc-status", `${reply.grpcStatus ?? GRPC_OF_HTTP[reply.status] ?? UNKNOWN_GRPC_STATUS}`);
    if (reply.body.length > 0) map.set("grpc-message", escapedMessage(reply.body));
  } else if (reply.body.length > 0) {
    map.set("content-length", `${reply.body.length}`);
    if (map.get("content-type") === undefined) map.add("content-type", "text/plain");
  } else {
    map.remove("content-length");
  }
  return map;
}
