import { expect, test } from "vitest";
import { type HttpListenerOptions, httpListener } from "./listener.js";
import { directResponse, virtualHost } from "./route.js";
import { wasmFilter } from "./wasm.js";

const options: HttpListenerOptions = {
  name: "inbound",
  port: 8080,
  filters: [wasmFilter({ name: "a", module: "/a.wasm" }), wasmFilter({ name: "b", module: "/b.wasm" })],
  virtualHosts: [virtualHost({ name: "all", routes: [directResponse({ status: 200, body: "" })] })],
};

function connectionManager(over: Partial<HttpListenerOptions> = {}) {
  return httpListener({ ...options, ...over }).filter_chains[0]?.filters[0]?.typed_config;
}

test("the chain keeps its order and ends with the router", () => {
  expect(connectionManager()).toMatchObject({
    http_filters: [{ name: "a" }, { name: "b" }, { name: "envoy.filters.http.router" }],
  });
});

test("by default it listens on this machine only, normalizes paths and takes both protocols", () => {
  expect(httpListener(options).address).toEqual({
    socket_address: { address: "127.0.0.1", port_value: 8080 },
  });
  expect(connectionManager()).toMatchObject({
    codec_type: "AUTO",
    normalize_path: true,
    stat_prefix: "inbound",
  });
  expect(connectionManager({ normalizePath: false })).toMatchObject({ normalize_path: false });
});

test("what is not asked for is left to Envoy's defaults", () => {
  for (const field of [
    "common_http_protocol_options",
    "request_timeout",
    "access_log",
    "xff_num_trusted_hops",
    "merge_slashes",
    "path_with_escaped_slashes_action",
  ]) {
    expect(connectionManager()).not.toHaveProperty(field);
  }
});

test("the number of trusted proxies is written, even when it is 0", () => {
  for (const xffTrustedHops of [0, 2]) {
    expect(connectionManager({ xffTrustedHops })).toMatchObject({ xff_num_trusted_hops: xffTrustedHops });
  }
});

test("a WebSocket is carried, over HTTP/2 too, unless other upgrades are named", () => {
  expect(connectionManager()).toMatchObject({
    upgrade_configs: [{ upgrade_type: "websocket" }],
    http2_protocol_options: { allow_connect: true },
  });
  expect(connectionManager({ upgrades: ["spdy/3.1"] })).toMatchObject({
    upgrade_configs: [{ upgrade_type: "spdy/3.1" }],
  });
  expect(connectionManager({ upgrades: [] })).not.toHaveProperty("http2_protocol_options");
});

test("slashes, HTTP/1.0, trailers and the longest stream are as they are asked for", () => {
  const asked = { http10: true, http1Trailers: true, mergeSlashes: true, maxStreamDurationSeconds: 60 };
  expect(connectionManager({ ...asked, escapedSlashes: "redirect", maxRequestHeaders: 7 })).toMatchObject({
    merge_slashes: true,
    path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT",
    http_protocol_options: { accept_http_10: true, enable_trailers: true },
    common_http_protocol_options: { max_headers_count: 7, max_stream_duration: "60s" },
  });
});

test("a held body has the same limit in both protocols, as far as HTTP/2 has so small a window", () => {
  expect(httpListener(options)).not.toHaveProperty("per_connection_buffer_limit_bytes");
  expect(httpListener({ ...options, bufferLimitBytes: 1_048_576 }).per_connection_buffer_limit_bytes).toBe(
    1_048_576,
  );
  expect(connectionManager({ bufferLimitBytes: 1_048_576 })).toMatchObject({
    http2_protocol_options: { allow_connect: true, initial_stream_window_size: 1_048_576 },
  });
  expect(connectionManager({ bufferLimitBytes: 1000 })).toMatchObject({
    http2_protocol_options: { initial_stream_window_size: 65_535 },
  });
});

test("a wrong limit is refused under the option's own name", () => {
  expect(() => connectionManager({ requestTimeoutSeconds: -1 })).toThrow(/requestTimeoutSeconds is -1/);
});

test("TLS belongs to the filter chain, and is written only when it is asked for", () => {
  expect(httpListener(options).filter_chains[0]).not.toHaveProperty("transport_socket");
  const tls = { certFile: "/cert.pem", keyFile: "/key.pem" };
  expect(httpListener({ ...options, tls }).filter_chains[0]).toMatchObject({
    transport_socket: { name: "envoy.transport_sockets.tls" },
  });
});
