// gRPC calls with the parameters of `@solo-io/proxy-runtime` 0.1.8. It has no parameter for the
// initial metadata, so none is sent.

import { proxy_grpc_call as call, proxy_grpc_stream as stream } from "../../assembly/abi/env";

/**
 * The service is a cluster's name. The call's number is written to `token_ptr`, and the root
 * context's `on_grpc_…` methods get its events.
 */
export function proxy_grpc_call(
  service_ptr: usize,
  service_size: usize,
  service_name_ptr: usize,
  service_name_size: usize,
  method_name_ptr: usize,
  method_name_size: usize,
  request_ptr: usize,
  request_size: usize,
  timeout_milliseconds: u32,
  token_ptr: usize,
): u32 {
  return call(
    service_ptr,
    <i32>service_size,
    service_name_ptr,
    <i32>service_name_size,
    method_name_ptr,
    <i32>method_name_size,
    0,
    0,
    request_ptr,
    <i32>request_size,
    timeout_milliseconds,
    token_ptr,
  );
}

/** Opens a stream. Parameters as in `proxy_grpc_call`; `proxy_grpc_send` sends. */
export function proxy_grpc_stream(
  service_ptr: usize,
  service_size: usize,
  service_name_ptr: usize,
  service_name_size: usize,
  method_name_ptr: usize,
  method_name_size: usize,
  token_ptr: usize,
): u32 {
  return stream(
    service_ptr,
    <i32>service_size,
    service_name_ptr,
    <i32>service_name_size,
    method_name_ptr,
    <i32>method_name_size,
    0,
    0,
    token_ptr,
  );
}
