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
    "upgrade_configs",
  ]) {
    expect(connectionManager()).not.toHaveProperty(field);
  }
});

test("the number of trusted proxies is written, even when it is 0", () => {
  for (const xffTrustedHops of [0, 2]) {
    expect(connectionManager({ xffTrustedHops })).toMatchObject({ xff_num_trusted_hops: xffTrustedHops });
  }
});

test("upgrades are those that are named", () => {
  expect(connectionManager({ upgrades: ["websocket"] })).toMatchObject({
    upgrade_configs: [{ upgrade_type: "websocket" }],
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
