// The numbers of the ABI under the names that `@solo-io/proxy-runtime` gives them.

export {
  FilterDataStatus as FilterDataStatusValues,
  FilterHeadersStatus as FilterHeadersStatusValues,
  FilterStatus as FilterStatusValues,
  FilterTrailersStatus as FilterTrailersStatusValues,
  MetricType as MetricTypeValues,
  PeerType as PeerTypeValues,
  Status as WasmResultValues,
} from "../../assembly/abi/types";

export enum LogLevelValues {
  trace = 0,
  debug = 1,
  info = 2,
  warn = 3,
  error = 4,
  critical = 5,
}

/** What a metadata callback returns to the host: there is only one value. */
export enum FilterMetadataStatusValues {
  Continue = 0,
}

export enum GrpcStatusValues {
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
  MaximumValid = GrpcStatusValues.Unauthenticated,
  /** For a local reply that is not a gRPC answer. */
  InvalidCode = -1,
}

export enum HeaderMapTypeValues {
  RequestHeaders = 0,
  RequestTrailers = 1,
  ResponseHeaders = 2,
  ResponseTrailers = 3,
  GrpcReceiveInitialMetadata = 4,
  GrpcReceiveTrailingMetadata = 5,
  HttpCallResponseHeaders = 6,
  HttpCallResponseTrailers = 7,
  MAX = HeaderMapTypeValues.HttpCallResponseTrailers,
}

export enum BufferTypeValues {
  HttpRequestBody = 0,
  HttpResponseBody = 1,
  NetworkDownstreamData = 2,
  NetworkUpstreamData = 3,
  HttpCallResponseBody = 4,
  GrpcReceiveBuffer = 5,
  VmConfiguration = 6,
  PluginConfiguration = 7,
  CallData = 8,
  MAX = BufferTypeValues.CallData,
}

/** Bits of the flags that `get_buffer_status` returns. */
export enum BufferFlagsValues {
  EndOfStream = 1,
}

export enum StreamTypeValues {
  Request = 0,
  Response = 1,
  Downstream = 2,
  Upstream = 3,
  MAX = StreamTypeValues.Upstream,
}
