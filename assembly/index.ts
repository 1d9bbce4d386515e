// The SDK: what a filter imports. The callbacks that a filter's entry file exports are in
// `exports/`.

export { allocate, view } from "./abi/memory";
export {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterStatus,
  FilterTrailersStatus,
  GrpcStatus,
  LogLevel,
  MetricType,
  NO_GRPC_STATUS,
  PeerType,
  Status,
  StreamType,
} from "./abi/types";
export { HttpContext, RootContext, TcpContext } from "./context";
export { registerRootContext } from "./dispatcher";
export { FilterRoot } from "./filter-root";
export { DynamicMetadata, PluginAttributes, XdsAttributes } from "./host/attributes/configuration";
export {
  ConnectionAttributes,
  DestinationAttributes,
  PeerPrincipal,
  SourceAttributes,
} from "./host/attributes/connection";
export { RequestAttributes } from "./host/attributes/request";
export { ResponseAttributes } from "./host/attributes/response";
export {
  FlagAttribute,
  IntegerAttribute,
  MapAttribute,
  MetadataAttribute,
  TextAttribute,
} from "./host/attributes/types";
export { UpstreamAttributes } from "./host/attributes/upstream";
export {
  BodyBuffer,
  BodyProgress,
  bodyProgress,
  downstreamData,
  grpcMessage,
  httpCallBody,
  requestBody,
  responseBody,
  upstreamData,
} from "./host/body";
export { nowMilliseconds, nowNanoseconds } from "./host/clock";
export { Expression } from "./host/expression";
export {
  declareProperty,
  LifeSpan,
  PropertyType,
  setEnvoyFilterState,
  setProperty,
} from "./host/filter-state";
export { callForeignFunction, clearRouteCache, compress, ForeignResult, uncompress } from "./host/foreign";
export { GrpcCallHandler, GrpcService, GrpcStreamHandler, grpcCall, grpcStream } from "./host/grpc-call";
export { encodePairs, HeaderPairs } from "./host/header-pairs";
export {
  grpcInitialMetadata,
  grpcTrailingMetadata,
  HeaderMap,
  httpCallHeaders,
  httpCallTrailers,
  requestHeaders,
  requestTrailers,
  responseHeaders,
  responseTrailers,
} from "./host/headers";
export { CallFailure, HttpCallHandler, httpCall, httpCallStatus } from "./host/http-call";
export { sendLocalReply } from "./host/local-reply";
export { log, logBytes, logEnabled } from "./host/log";
export { metricName } from "./host/metric-name";
export { defineMetric, getMetric, incrementMetric, recordMetric } from "./host/metrics";
export { monotonicNanoseconds } from "./host/monotonic-clock";
export { getProperty, propertyPath } from "./host/properties";
export { randomBelow, randomBytes } from "./host/random";
export { Random } from "./host/seeded-random";
export { SharedData, SharedUpdater, UpdateOutcome } from "./host/shared-data";
export { sharedKey } from "./host/shared-key";
export { dequeue, enqueue, registerSharedQueue, resolveSharedQueue } from "./host/shared-queue";
export { SignatureOutcome, sign, verifySignature } from "./host/signature";
export { Task, Timer } from "./host/timers";
export { Bytes } from "./text/bytes";
export { isGrpcType } from "./text/grpc-type";
export { decimalText, MAX_DECIMAL_SIZE, NOT_A_NUMBER, parseInteger, writeDecimal } from "./text/number";
export { ProtobufReader, ProtobufWriter } from "./text/protobuf";
export { sipHash } from "./text/sip-hash";
export { TextBuffer } from "./text/text-buffer";
export { sequenceSize } from "./text/utf8";
