// The test kit, `meshwright/test`: modules and whole proxies in process, stock Envoy with real
// upstreams, and the clients that talk to them.

export type { Json } from "../envoy/config/json.js";
export type { FailurePolicy } from "../envoy/config/wasm.js";
export type { ApplyResult } from "../envoy/discovery/live-filter.js";
export { type ErrorCode, MeshwrightError } from "../envoy/errors.js";
export type { AdminClient } from "../envoy/runtime/admin.js";
export { filterModule } from "../toolchain/compile/filter-module.js";
export type { AccessLogEntry } from "./envoy/access-log.js";
export { type Authority, type Certificate, makeAuthority } from "./envoy/certificates.js";
export { type ClientTls, type SendOptions, send } from "./envoy/client.js";
export { startEnvoy, type TestEnvoy } from "./envoy/envoy.js";
export type { ChainFilter, HarnessFilter } from "./envoy/filters.js";
export {
  type GrpcMethod,
  type GrpcUpstreamOptions,
  startGrpcUpstream,
  type UpstreamGrpcCall,
} from "./envoy/grpc-upstream.js";
export type { Destination, EnvoyOptions } from "./envoy/options.js";
export { rawHttp1 } from "./envoy/raw-http1.js";
export { type EnvoyRuntime, whyNoContainer } from "./envoy/runtime.js";
export { startUpstream, type Upstream, type UpstreamOptions } from "./envoy/upstream.js";
export type { UpstreamTls } from "./envoy/upstream-server.js";
export type { UpstreamAttempt } from "./host/attempt.js";
export type { CallResponse, GrpcCall, HttpCall } from "./host/call-outs.js";
export type { LocalReply } from "./host/context.js";
export type { HostedExchange } from "./host/exchange.js";
export type { ForeignFunction, HostOptions } from "./host/host.js";
export type { HttpStream, StreamOptions } from "./host/http-stream.js";
export {
  type ConfigureOptions,
  type Exchange,
  type ExchangeOptions,
  HostedModule,
  loadModule,
} from "./host/load.js";
export type { PropertyValue } from "./host/property.js";
export { HostedProxy, hostProxy, type RequestOptions } from "./host/proxy.js";
export type { ConfigureResult, HostedTrap } from "./host/proxy-filters.js";
export type {
  GrpcAnswer,
  GrpcRespond,
  HostedFilter,
  ProxyOptions,
  Respond,
  ScriptedUpstream,
} from "./host/proxy-options.js";
export type { ConnectOptions, TcpReceived, TcpStream } from "./host/tcp-stream.js";
export { describeTrap, Trap, type TrapFrame } from "./host/trap.js";
export type { LogLine } from "./host/vm.js";
export type {
  BodyPieces,
  ClientRequest,
  ClientResponse,
  HeaderList,
  UpstreamRequest,
  UpstreamResponse,
} from "./traffic.js";
