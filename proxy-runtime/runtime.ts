// `meshwright/proxy-runtime/runtime`: every public name of the `runtime` file of
// `@solo-io/proxy-runtime` 0.1.8.

export { abort_proc_exit } from "./implementation/abort-proc-exit";
export {
  getBaseContext,
  getContext,
  getRootContext,
  registerRootContext,
  set_tick_period_milliseconds,
} from "./implementation/adapters";
export { BaseContext, Context, HttpCallback, RootContext } from "./implementation/context";
export { HeaderPair, Headers } from "./implementation/header-pairs";
export {
  add_header_map_value,
  add_header_map_value_string,
  get_header_map_size,
  get_header_map_value,
  remove_header_map_value,
  remove_header_map_value_string,
  replace_header_map_value,
  replace_header_map_value_string,
  stream_context,
} from "./implementation/headers";
export {
  clear_route_cache,
  continue_request,
  continue_response,
  done,
  get_buffer_bytes,
  get_buffer_status,
  get_current_time_nanoseconds,
  get_property,
  get_status,
  log,
  proxy_set_effective_context,
  Reference,
  send_local_response,
  set_property,
} from "./implementation/host";
export {
  Counter,
  define_metric,
  Gauge,
  get_metric,
  Histogram,
  increment_metric,
  record_metric,
} from "./implementation/metrics";
export { dequeue_shared_queue, enqueue_shared_queue } from "./implementation/shared";
export {
  get_shared_data,
  register_shared_queue,
  resolve_shared_queue,
  set_shared_data,
} from "./implementation/shared-0-1-8";
export {
  BufferFlagsValues,
  BufferTypeValues,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterMetadataStatusValues,
  FilterStatusValues,
  FilterTrailersStatusValues,
  GrpcStatusValues,
  HeaderMapTypeValues,
  LogLevelValues,
  MetricTypeValues,
  PeerTypeValues,
  StreamTypeValues,
  WasmResultValues,
} from "./implementation/values";
