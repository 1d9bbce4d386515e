// What the filter must know of statuses.

import { Bytes } from "../../assembly";
import { NO_CONTENT, NOT_MODIFIED } from "./limits";

/**
 * HTTP statuses by gRPC status, 0 to 16. Source:
 * https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
 */
const HTTP_STATUSES: StaticArray<u32> = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/** What a gRPC client reads of a fault that has no body of its own. */
export const FAULT_MESSAGE = Bytes.of("fault injected");

/** How many gRPC statuses there are. */
export const GRPC_STATUSES: i32 = 17;

/** The HTTP status that belongs to a gRPC status of 0 to 16. */
export function httpStatusFor(grpcStatus: i32): u32 {
  return HTTP_STATUSES[grpcStatus];
}

/**
 * Whether a response of that status has no body. A client would take bytes after such a response
 * for the next one.
 */
export function isBodiless(status: u32): bool {
  return status == NO_CONTENT || status == NOT_MODIFIED;
}
