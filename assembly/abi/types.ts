// Numbers of the proxy-wasm ABI 0.2.1, named as the ABI names them, without the prefix.
// Source: https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1

/** Result of a host call. Every status but `Ok` is an ordinary value here, never a trap. */
export enum Status {
  Ok = 0,
  /** The header, property, metric or key does not exist. */
  NotFound = 1,
  /** An argument is out of range, or the call is not allowed in this callback. */
  BadArgument = 2,
  SerializationFailure = 3,
  ParseFailure = 4,
  BadExpression = 5,
  InvalidMemoryAccess = 6,
  Empty = 7,
  CasMismatch = 8,
  ResultMismatch = 9,
  InternalFailure = 10,
  BrokenConnection = 11,
  Unimplemented = 12,
}

/** How severe a line of Envoy's log is. Envoy drops lines below the level that it runs with. */
export enum LogLevel {
  Trace = 0,
  Debug = 1,
  Info = 2,
  Warn = 3,
  Error = 4,
  Critical = 5,
}

/** What a headers callback tells the host to do with the stream. */
export enum FilterHeadersStatus {
  Continue = 0,
  StopIteration = 1,
  ContinueAndEndStream = 2,
  StopAllIterationAndBuffer = 3,
  StopAllIterationAndWatermark = 4,
}

export enum HeaderMapType {
  RequestHeaders = 0,
  RequestTrailers = 1,
  ResponseHeaders = 2,
  ResponseTrailers = 3,
  GrpcReceiveInitialMetadata = 4,
  GrpcReceiveTrailingMetadata = 5,
  HttpCallResponseHeaders = 6,
  HttpCallResponseTrailers = 7,
}

export enum BufferType {
  HttpRequestBody = 0,
  HttpResponseBody = 1,
  NetworkDownstreamData = 2,
  NetworkUpstreamData = 3,
  HttpCallResponseBody = 4,
  GrpcReceiveBuffer = 5,
  VmConfiguration = 6,
  PluginConfiguration = 7,
  /** What the caller of a foreign function passes. */
  CallData = 8,
}

/** A counter only goes up, a gauge is set or goes both ways, a histogram takes single values. */
export enum MetricType {
  Counter = 0,
  Gauge = 1,
  Histogram = 2,
}

/** gRPC status of a local reply that is not a gRPC answer. */
export const NO_GRPC_STATUS: i32 = -1;

/** What a body callback tells the host to do with the bytes. */
export enum FilterDataStatus {
  Continue = 0,
  /**
   * Hold this piece and those that follow; the next callback sees all held bytes. Beyond the
   * listener's buffer limit Envoy answers 413 or 500.
   */
  StopIterationAndBuffer = 1,
  /** Hold this piece, and make the sender wait once the buffer is full. */
  StopIterationAndWatermark = 2,
  /** Hold nothing: these bytes are lost unless an earlier callback asked to hold them. */
  StopIterationNoBuffer = 3,
}

/** What a trailers callback tells the host to do with the stream. */
export enum FilterTrailersStatus {
  Continue = 0,
  StopIteration = 1,
}

/** What a network callback tells the host to do with the connection's data. */
export enum FilterStatus {
  Continue = 0,
  StopIteration = 1,
}

/** Which way data flows, of a request or of a connection. */
export enum StreamType {
  Request = 0,
  Response = 1,
  Downstream = 2,
  Upstream = 3,
}

/** Who closed a connection. */
export enum PeerType {
  Unknown = 0,
  Local = 1,
  Remote = 2,
}

/** Status of a gRPC call. Source: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export enum GrpcStatus {
  Ok = 0,
  Canceled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  NotFound = 5,
  AlreadyExists = 6,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  FailedPrecondition = 9,
  Aborted = 10,
  OutOfRange = 11,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  DataLoss = 15,
  Unauthenticated = 16,
}
