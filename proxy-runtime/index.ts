// `meshwright/proxy-runtime`: what a filter written for `@solo-io/proxy-runtime` imports. First
// come the names that the index of 0.1.8 exports, then those that later releases added.

export { abort_proc_exit } from "./implementation/abort-proc-exit";
export { registerRootContext, set_tick_period_milliseconds } from "./implementation/adapters";
export { BaseContext, Context, HttpCallback, RootContext } from "./implementation/context";
export { HeaderPair, Headers, makeHeaderPair } from "./implementation/header-pairs";
export { stream_context } from "./implementation/headers";
export {
  call_foreign_function,
  continue_request,
  continue_response,
  get_buffer_bytes,
  get_property,
  log,
  proxy_set_effective_context,
  send_http_response,
  send_local_response,
  set_buffer_bytes,
  set_property,
} from "./implementation/host";
export { Counter, Gauge, Histogram } from "./implementation/metrics";
export {
  dequeue_shared_queue,
  enqueue_shared_queue,
  get_shared_data,
  register_shared_queue,
  resolve_shared_queue,
  set_shared_data,
} from "./implementation/shared";
export {
  BufferTypeValues,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterMetadataStatusValues,
  FilterStatusValues,
  FilterTrailersStatusValues,
  GrpcStatusValues,
  LogLevelValues,
  WasmResultValues,
} from "./implementation/values";
