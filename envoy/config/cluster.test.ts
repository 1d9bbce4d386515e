import { expect, test } from "vitest";
import { cluster } from "./cluster.js";
import { wasmFilter } from "./wasm.js";

const PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

test.each([
  [["127.0.0.1", "::1"], "STATIC"],
  [["orders.example"], "LOGICAL_DNS"],
  [["127.0.0.1", "localhost"], "STRICT_DNS"],
])("endpoints %j make a %s cluster", (addresses, type) => {
  const built = cluster({ name: "c", endpoints: addresses.map((address) => ({ address, port: 80 })) });
  expect(built.type).toBe(type);
  expect(built.load_assignment?.endpoints[0]?.lb_endpoints).toHaveLength(addresses.length);
});

test("filters of the upstream chain come before the codec, which is written only when there are such filters", () => {
  const endpoints = [{ address: "127.0.0.1", port: 80 }];
  const plain = cluster({ name: "c", endpoints, protocol: "http2" });
  expect(plain.typed_extension_protocol_options[PROTOCOL_OPTIONS]).toEqual({
    "@type": `type.googleapis.com/${PROTOCOL_OPTIONS}`,
    explicit_http_config: { http2_protocol_options: {} },
  });
  const filters = [wasmFilter({ name: "fault", module: "/f.wasm" })];
  const filtered = cluster({ name: "c", endpoints, filters });
  expect(filtered.typed_extension_protocol_options[PROTOCOL_OPTIONS]).toMatchObject({
    explicit_http_config: { http_protocol_options: {} },
    http_filters: [{ name: "fault" }, { name: "envoy.filters.http.upstream_codec" }],
  });
});

test("marks of filters are failures beside 5xx, and are written only when there are such filters", () => {
  const endpoints = [{ address: "127.0.0.1", port: 80 }];
  const marked = cluster({ name: "c", endpoints, outlierHeaders: ["x-slow"] });
  const header = (rule: object) => ({ http_response_headers_match: { headers: [rule] } });
  expect(marked.typed_extension_protocol_options[PROTOCOL_OPTIONS]).toMatchObject({
    outlier_detection: {
      error_matcher: {
        or_match: {
          rules: [
            header({ name: "x-slow", present_match: true }),
            header({ name: ":status", safe_regex_match: { regex: "5.." } }),
          ],
        },
      },
    },
  });
  const plain = cluster({ name: "c", endpoints, outlierHeaders: [] });
  expect(plain.typed_extension_protocol_options[PROTOCOL_OPTIONS]).not.toHaveProperty("outlier_detection");
});

test("the protocol is asked of the endpoint by ALPN where it may be either", () => {
  const endpoints = [{ address: "127.0.0.1", port: 443 }];
  const tls = { serverName: "shop.example", caFile: "/ca.pem" };
  const built = cluster({ name: "c", endpoints, tls, protocol: "auto", http1Trailers: true });
  expect(built.typed_extension_protocol_options[PROTOCOL_OPTIONS]).toMatchObject({
    auto_config: { http_protocol_options: { enable_trailers: true }, http2_protocol_options: {} },
  });
  expect(JSON.stringify(built.transport_socket)).toContain('"alpn_protocols":["h2","http/1.1"]');
});

test("only limits that were given are written", () => {
  const endpoints = [{ address: "127.0.0.1", port: 80 }];
  expect(cluster({ name: "c", endpoints })).not.toHaveProperty("circuit_breakers");
  expect(cluster({ name: "c", endpoints, circuitBreakers: { maxRetries: 0 } }).circuit_breakers).toEqual({
    thresholds: [{ max_retries: 0 }],
  });
});
