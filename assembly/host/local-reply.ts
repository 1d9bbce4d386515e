// Local replies: the filter answers instead of the upstream.

import { proxy_send_local_response } from "@solo-io/proxy-runtime/assembly/imports";
import { NO_GRPC_STATUS, Status } from "../abi/types";
import { bundleLink } from "../bundle-link";
import { Bytes } from "../text/bytes";

/**
 * Answers the request from the filter. The callback must then return `StopIteration`. To answer
 * another stream than the callback's own, do it from a timer: otherwise Envoy would also stop the
 * callback's own stream.
 * @param status HTTP status, 200 to 599.
 * @param details the response code details in access logs; Envoy turns spaces into `_`.
 * @param body sent as it is; may be empty.
 * @param headers further headers, encoded once with `encodePairs`, or `null`.
 * @param grpcStatus 0 to 16 for a gRPC client, else `NO_GRPC_STATUS`.
 */
export function sendLocalReply(
  status: u32,
  details: Bytes,
  body: Bytes,
  headers: Bytes | null = null,
  grpcStatus: i32 = NO_GRPC_STATUS,
): Status {
  const pairs = headers ? headers.ptr : 0;
  const pairsSize = headers ? headers.size : 0;
  const result = proxy_send_local_response(
    status,
    details.ptr,
    details.size,
    body.ptr,
    body.size,
    pairs,
    pairsSize,
    grpcStatus,
  );
  const bundle = bundleLink();
  if (bundle && result == Status.Ok) bundle.replied();
  return result;
}
