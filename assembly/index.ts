// The SDK: what a filter implements, and what it calls. The callbacks that its entry file exports
// are in `exports/`, what filters with rules share is in `rules`, and what reads a configuration is
// in `config`.

// A filter extends a root, for the plugin, and a context, for each stream or connection.

export { Callback } from "./callbacks";
export { HttpContext, RootContext, TcpContext } from "./context";
export { registerRootContext } from "./dispatcher";
export { FilterRoot } from "./filter-root";

// What its callbacks return, and the results of host calls.

export {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterStatus,
  FilterTrailersStatus,
  PeerType,
  Status,
  StreamType,
} from "./abi/types";

// Headers and trailers of the stream.

export { requestHeaders, requestTrailers, responseHeaders, responseTrailers } from "./host/headers";

// Bodies of the stream, and the data of a connection.

export { bodyProgress, downstreamData, requestBody, responseBody, upstreamData } from "./host/body";

// The filter's own answer.

export { GrpcStatus, NO_GRPC_STATUS } from "./abi/types";
export { sendLocalReply } from "./host/local-reply";
export { Reply, requestProtocol, webType } from "./host/reply";
export { grpcStatusFor } from "./text/grpc-status";
export { CallProtocol, isGrpcType, protocolOf } from "./text/grpc-type";

// The time that a request says it has.

export {
  grpcTimeoutText,
  isCountedDown,
  NO_TIMEOUT,
  parseGrpcTimeout,
  parseRouterTimeout,
  parseTimeoutMs,
} from "./text/timeout";

// What Envoy knows of the stream, the connection, the upstream, the route and the plugin.

export { DynamicMetadata, PluginAttributes, XdsAttributes } from "./host/attributes/configuration";
export {
  ConnectionAttributes,
  DestinationAttributes,
  PeerPrincipal,
  SourceAttributes,
} from "./host/attributes/connection";
export { RequestAttributes } from "./host/attributes/request";
export { ResponseAttributes } from "./host/attributes/response";
export { ResponseFlag } from "./host/attributes/response-flag";
export { UpstreamAttributes } from "./host/attributes/upstream";
export { getProperty, propertyPath } from "./host/properties";

// What the filter stores for other filters and for access logs.

export {
  declareProperty,
  LifeSpan,
  PropertyType,
  setEnvoyFilterState,
  setProperty,
} from "./host/filter-state";

// Metrics.

export { MetricType } from "./abi/types";
export { defineMetric, getMetric, incrementMetric, recordMetric } from "./host/metrics";
export { metricName } from "./text/metric-name";

// Log, clocks and chance.

export { LogLevel } from "./abi/types";
export { nowMilliseconds, nowNanoseconds } from "./host/clock";
export { log, logBytes, logEnabled } from "./host/log";
export { monotonicNanoseconds } from "./host/monotonic-clock";
export { randomBelow, randomBytes } from "./host/random";
export { Random } from "./text/seeded-random";

// Timers: the root's `after` takes a task.

export { Task, Timer } from "./host/timers";

// Calls to other services, and their answers.

export { grpcMessage, httpCallBody } from "./host/body";
export { GrpcCallHandler, GrpcService, GrpcStreamHandler, grpcCall, grpcStream } from "./host/grpc-call";
export { grpcInitialMetadata, grpcTrailingMetadata, httpCallHeaders, httpCallTrailers } from "./host/headers";
export { CallFailure, HttpCallHandler, httpCall, httpCallStatus } from "./host/http-call";

// Data and queues that workers and VMs share.

export { SharedData, SharedUpdater, UpdateOutcome } from "./host/shared-data";
export { dequeue, enqueue, registerSharedQueue, resolveSharedQueue } from "./host/shared-queue";
export { sharedKey } from "./text/shared-key";

// Functions of Envoy beside the ABI: expressions, signatures, compression.

export { Expression } from "./host/expression";
export { callForeignFunction, clearRouteCache, compress, ForeignResult, uncompress } from "./host/foreign";
export { SignatureOutcome, sign, verifySignature } from "./host/signature";

// The types of the values above, for code that keeps them or passes them on.

export {
  FlagAttribute,
  IntegerAttribute,
  MapAttribute,
  MetadataAttribute,
  TextAttribute,
} from "./host/attributes/types";
export { BodyBuffer, BodyProgress } from "./host/body";
export { HeaderMap } from "./host/headers";
export { encodePairs, HeaderPairs, PairsBuilder } from "./text/header-pairs";

// Bytes, and the readers and writers of bytes that make no garbage.

export { scratch, viewOf } from "./abi/memory";
export { base64Size, NOT_BASE64, readBase64, writeBase64 } from "./text/base64";
export { Bytes } from "./text/bytes";
export { lower, lowered } from "./text/letter-case";
export {
  decimalText,
  isDigit,
  MAX_DECIMAL_SIZE,
  NOT_A_NUMBER,
  parseInteger,
  writeDecimal,
} from "./text/number";
export { pathEnd } from "./text/path-end";
export { ProtobufReader, ProtobufWriter } from "./text/protobuf";
export { TextBuffer } from "./text/text-buffer";
export { sequenceSize } from "./text/utf8";
