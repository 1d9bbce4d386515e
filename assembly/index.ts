// The SDK: what a filter imports. The callbacks that a filter's entry file exports are in `exports/`.

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
export { encodePairs, HeaderPairs } from "./host/header-pairs";
export { HeaderMap, requestHeaders, responseHeaders } from "./host/headers";
export { sendLocalReply } from "./host/local-reply";
export { log, logEnabled } from "./host/log";
export { defineMetric, incrementMetric, recordMetric } from "./host/metrics";
export { getProperty, propertyPath } from "./host/properties";
export { randomBelow, randomBytes } from "./host/random";
export { Task, Timer } from "./host/timers";
export { Bytes } from "./text/bytes";
