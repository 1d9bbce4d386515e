// A filter for the tests of attributes in stock Envoy. It logs all of them when the request comes,
// when the response comes, and when both are over.

import {
  Bytes,
  ConnectionAttributes,
  DestinationAttributes,
  DynamicMetadata,
  FilterHeadersStatus,
  HeaderPairs,
  HttpContext,
  IntegerAttribute,
  LogLevel,
  logBytes,
  nowMilliseconds,
  nowNanoseconds,
  PeerPrincipal,
  PluginAttributes,
  RequestAttributes,
  ResponseAttributes,
  RootContext,
  registerRootContext,
  SourceAttributes,
  TextAttribute,
  UpstreamAttributes,
  XdsAttributes,
} from "../../../assembly";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_log,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../../assembly/exports/stream";

const MISSING: i64 = -7;

class Text {
  constructor(
    readonly name: string,
    readonly attribute: TextAttribute,
  ) {}
}

class Integer {
  constructor(
    readonly name: string,
    readonly attribute: IntegerAttribute,
  ) {}
}

const TEXTS: StaticArray<Text> = [
  new Text("request.path", RequestAttributes.path()),
  new Text("request.url_path", RequestAttributes.urlPath()),
  new Text("request.host", RequestAttributes.host()),
  new Text("request.scheme", RequestAttributes.scheme()),
  new Text("request.method", RequestAttributes.method()),
  new Text("request.referer", RequestAttributes.referer()),
  new Text("request.useragent", RequestAttributes.userAgent()),
  new Text("request.id", RequestAttributes.id()),
  new Text("request.protocol", RequestAttributes.protocol()),
  new Text("request.query", RequestAttributes.query()),
  new Text("response.code_details", ResponseAttributes.codeDetails()),
  new Text("source.address", SourceAttributes.address()),
  new Text("destination.address", DestinationAttributes.address()),
  new Text("connection.requested_server_name", ConnectionAttributes.requestedServerName()),
  new Text("connection.tls_version", ConnectionAttributes.tlsVersion()),
  new Text("connection.subject_local_certificate", ConnectionAttributes.subjectLocalCertificate()),
  new Text("connection.subject_peer_certificate", ConnectionAttributes.subjectPeerCertificate()),
  new Text("connection.dns_san_local_certificate", ConnectionAttributes.dnsSanLocalCertificate()),
  new Text("connection.dns_san_peer_certificate", ConnectionAttributes.dnsSanPeerCertificate()),
  new Text("connection.uri_san_local_certificate", ConnectionAttributes.uriSanLocalCertificate()),
  new Text("connection.uri_san_peer_certificate", ConnectionAttributes.uriSanPeerCertificate()),
  new Text("connection.sha256_peer_certificate_digest", ConnectionAttributes.sha256PeerCertificateDigest()),
  new Text("connection.peer_certificate", ConnectionAttributes.peerCertificate()),
  new Text("connection.transport_failure_reason", ConnectionAttributes.transportFailureReason()),
  new Text("connection.termination_details", ConnectionAttributes.terminationDetails()),
  new Text("upstream.address", UpstreamAttributes.address()),
  new Text("upstream.local_address", UpstreamAttributes.localAddress()),
  new Text("upstream.tls_version", UpstreamAttributes.tlsVersion()),
  new Text("upstream.subject_local_certificate", UpstreamAttributes.subjectLocalCertificate()),
  new Text("upstream.subject_peer_certificate", UpstreamAttributes.subjectPeerCertificate()),
  new Text("upstream.dns_san_local_certificate", UpstreamAttributes.dnsSanLocalCertificate()),
  new Text("upstream.dns_san_peer_certificate", UpstreamAttributes.dnsSanPeerCertificate()),
  new Text("upstream.uri_san_local_certificate", UpstreamAttributes.uriSanLocalCertificate()),
  new Text("upstream.uri_san_peer_certificate", UpstreamAttributes.uriSanPeerCertificate()),
  new Text("upstream.sha256_peer_certificate_digest", UpstreamAttributes.sha256PeerCertificateDigest()),
  new Text("upstream.peer_certificate", UpstreamAttributes.peerCertificate()),
  new Text("upstream.transport_failure_reason", UpstreamAttributes.transportFailureReason()),
  new Text("upstream.locality.region", UpstreamAttributes.region()),
  new Text("upstream.locality.zone", UpstreamAttributes.zone()),
  new Text("upstream.locality.sub_zone", UpstreamAttributes.subZone()),
  new Text("xds.node.id", XdsAttributes.nodeId()),
  new Text("xds.node.cluster", XdsAttributes.nodeCluster()),
  new Text("xds.cluster_name", XdsAttributes.clusterName()),
  new Text("xds.route_name", XdsAttributes.routeName()),
  new Text("xds.virtual_host_name", XdsAttributes.virtualHostName()),
  new Text("xds.filter_chain_name", XdsAttributes.filterChainName()),
  new Text("plugin_name", PluginAttributes.pluginName()),
  new Text("plugin_root_id", PluginAttributes.rootId()),
  new Text("plugin_vm_id", PluginAttributes.vmId()),
];

const INTEGERS: StaticArray<Integer> = [
  new Integer("request.headers_bytes", RequestAttributes.headersBytes()),
  new Integer("request.time", RequestAttributes.time()),
  new Integer("request.duration", RequestAttributes.duration()),
  new Integer("request.size", RequestAttributes.size()),
  new Integer("request.total_size", RequestAttributes.totalSize()),
  new Integer("response.code", ResponseAttributes.code()),
  new Integer("response.flags", ResponseAttributes.flags()),
  new Integer("response.grpc_status", ResponseAttributes.grpcStatus()),
  new Integer("response.headers_bytes", ResponseAttributes.headersBytes()),
  new Integer("response.size", ResponseAttributes.size()),
  new Integer("response.total_size", ResponseAttributes.totalSize()),
  new Integer("response.backend_latency", ResponseAttributes.backendLatency()),
  new Integer("source.port", SourceAttributes.port()),
  new Integer("destination.port", DestinationAttributes.port()),
  new Integer("connection.id", ConnectionAttributes.id()),
  new Integer("upstream.port", UpstreamAttributes.port()),
  new Integer("upstream.num_endpoints", UpstreamAttributes.numEndpoints()),
  new Integer("upstream.request_attempt_count", UpstreamAttributes.requestAttemptCount()),
  new Integer("upstream.cx_pool_ready_duration", UpstreamAttributes.cxPoolReadyDuration()),
  new Integer("xds.listener_direction", XdsAttributes.listenerDirection()),
];

const MTLS = ConnectionAttributes.mtls();
const PRINCIPAL = new PeerPrincipal();
const REQUEST_HEADERS = RequestAttributes.headers();
const RESPONSE_HEADERS = ResponseAttributes.headers();
const RESPONSE_TRAILERS = ResponseAttributes.trailers();
const ROUTE_TEXT = XdsAttributes.routeMetadata("mesh", "text");
const ROUTE_NUMBER = XdsAttributes.routeMetadata("mesh", "number");
const ROUTE_FLAG = XdsAttributes.routeMetadata("mesh", "flag");
const ROUTE_STRUCT = XdsAttributes.routeMetadata("mesh", "struct");
const ROUTE_LIST = XdsAttributes.routeMetadata("mesh", "list");
const ROUTE_NONE = XdsAttributes.routeMetadata("mesh", "none");
const HOST_META = XdsAttributes.virtualHostMetadata("mesh", "text");
const CLUSTER_META = XdsAttributes.clusterMetadata("mesh", "text");
const LISTENER_META = XdsAttributes.listenerMetadata("mesh", "text");
const UPSTREAM_META = XdsAttributes.upstreamHostMetadata("mesh", "text");
const NODE_META = XdsAttributes.nodeMetadata("text");
const DYNAMIC_META = DynamicMetadata.value("mesh", "text");

function shown(value: Bytes | null): string {
  return value ? `"${value.toString()}"` : "null";
}

function pairs(value: HeaderPairs | null): string {
  if (!value) return "null";
  let text = "";
  while (value.next()) text += `${value.name.toString()}=${value.value.toString()},`;
  return `{${text}}`;
}

class Probe extends HttpContext {
  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    this.say("request");
    return FilterHeadersStatus.Continue;
  }

  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    this.say("response");
    return FilterHeadersStatus.Continue;
  }

  onLog(): void {
    this.say("log");
  }

  private say(phase: string): void {
    for (let i = 0; i < TEXTS.length; i++) line(phase, TEXTS[i].name, shown(TEXTS[i].attribute.read()));
    for (let i = 0; i < INTEGERS.length; i++) {
      line(phase, INTEGERS[i].name, INTEGERS[i].attribute.read(MISSING).toString());
    }
    line(phase, "connection.mtls", `${MTLS.read(false)} ${MTLS.read(true)}`);
    line(phase, "principal", shown(PRINCIPAL.read()));
    line(phase, "request.headers", pairs(REQUEST_HEADERS.read()));
    line(phase, "response.headers", pairs(RESPONSE_HEADERS.read()));
    line(phase, "response.trailers", pairs(RESPONSE_TRAILERS.read()));
    this.metadata(phase);
    line(phase, "now", `${nowMilliseconds()} ${nowNanoseconds()}`);
  }

  private metadata(phase: string): void {
    line(phase, "route.text", shown(ROUTE_TEXT.text()));
    line(
      phase,
      "route.number",
      `${ROUTE_NUMBER.number(-1)} ${ROUTE_TEXT.number(-1)} ${ROUTE_NONE.number(-1)}`,
    );
    line(phase, "route.flag", `${ROUTE_FLAG.flag(false)} ${ROUTE_TEXT.flag(false)} ${ROUTE_NONE.flag(true)}`);
    line(phase, "route.struct", pairs(ROUTE_STRUCT.pairs()));
    line(phase, "route.list", pairs(ROUTE_LIST.pairs()));
    line(phase, "route.none", `${shown(ROUTE_NONE.text())} ${pairs(ROUTE_NONE.pairs())}`);
    line(phase, "host.text", shown(HOST_META.text()));
    line(phase, "cluster.text", shown(CLUSTER_META.text()));
    line(phase, "listener.text", shown(LISTENER_META.text()));
    line(phase, "upstream.text", shown(UPSTREAM_META.text()));
    line(phase, "node.text", shown(NODE_META.text()));
    line(phase, "dynamic.text", shown(DYNAMIC_META.text()));
  }
}

function line(phase: string, name: string, value: string): void {
  logBytes(LogLevel.Warn, Bytes.of(`ATTRIBUTE ${phase} ${name} ${value}`));
}

class ProbeRoot extends RootContext {
  createHttpContext(): HttpContext {
    return new Probe();
  }
}

registerRootContext((id: u32) => new ProbeRoot(id));
