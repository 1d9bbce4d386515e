// Host calls of module `env` that `@solo-io/proxy-runtime` does not declare. The file's name is the
// import's module name.

/**
 * Lowest level that the host writes; a message below it is dropped. ABI 0.2.1:
 * `proxy_get_log_level`.
 */
export declare function proxy_get_log_level(levelPtr: usize): u32;

/**
 * Writes to a buffer: before its bytes (start 0, length 0), in place of all of them (start 0,
 * length its size or more), or behind them (start its size or more).
 */
export declare function proxy_set_buffer_bytes(
  type: i32,
  start: u32,
  length: u32,
  dataPtr: usize,
  dataSize: i32,
): u32;

/**
 * Sends one gRPC message and waits for one. The service is a cluster's name, or a serialized
 * `envoy.config.core.v3.GrpcService`.
 */
export declare function proxy_grpc_call(
  servicePtr: usize,
  serviceSize: i32,
  serviceNamePtr: usize,
  serviceNameSize: i32,
  methodPtr: usize,
  methodSize: i32,
  initialMetadataPtr: usize,
  initialMetadataSize: i32,
  messagePtr: usize,
  messageSize: i32,
  timeoutMs: u32,
  tokenPtr: usize,
): u32;

/** Opens a gRPC stream. Parameters as in `proxy_grpc_call`. */
export declare function proxy_grpc_stream(
  servicePtr: usize,
  serviceSize: i32,
  serviceNamePtr: usize,
  serviceNameSize: i32,
  methodPtr: usize,
  methodSize: i32,
  initialMetadataPtr: usize,
  initialMetadataSize: i32,
  tokenPtr: usize,
): u32;
