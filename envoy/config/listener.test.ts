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

test("it listens on the loopback address only, normalizes paths and accepts both protocols, unless told otherwise", () => {
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

test("options that are not given are left to Envoy's defaults", () => {
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

test("the number of trusted proxies is the one given, also 0", () => {
  for (const xffTrustedHops of [0, 2]) {
    expect(connectionManager({ xffTrustedHops })).toMatchObject({ xff_num_trusted_hops: xffTrustedHops });
  }
});

test("upgrades are the ones that are named", () => {
  expect(connectionManager({ upgrades: ["websocket"] })).toMatchObject({
    upgrade_configs: [{ upgrade_type: "websocket" }],
  });
});

test("a wrong limit is refused under the option's own name", () => {
  expect(() => connectionManager({ requestTimeoutSeconds: -1 })).toThrow(/requestTimeoutSeconds is -1/);
});

test("TLS belongs to the filter chain, and is present only when asked for", () => {
  expect(httpListener(options).filter_chains[0]).not.toHaveProperty("transport_socket");
  const tls = { certFile: "/cert.pem", keyFile: "/key.pem" };
  expect(httpListener({ ...options, tls }).filter_chains[0]).toMatchObject({
    transport_socket: { name: "envoy.transport_sockets.tls" },
  });
});
