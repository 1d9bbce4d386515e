import { expect, test } from "vitest";
import { tcpListener } from "./tcp-listener.js";
import { wasmNetworkFilter } from "./wasm.js";

const filters = [
  wasmNetworkFilter({ name: "a", module: "/a.wasm" }),
  wasmNetworkFilter({ name: "b", module: "/b.wasm", configuration: { deny: ["x"] } }),
];
const listener = tcpListener({ name: "redis", port: 6379, filters, cluster: "cache" });

test("the chain keeps its order and ends with the proxy to the cluster", () => {
  const chain = listener.filter_chains[0]?.filters;
  expect(chain?.map((filter) => filter.name)).toEqual(["a", "b", "envoy.filters.network.tcp_proxy"]);
  expect(chain?.at(-1)?.typed_config).toMatchObject({ stat_prefix: "redis", cluster: "cache" });
});

test("it listens on the loopback address only, unless told otherwise", () => {
  expect(listener.address).toEqual({ socket_address: { address: "127.0.0.1", port_value: 6379 } });
});

test("a Wasm filter for connections has Envoy's type for these, and is configured like one for requests", () => {
  expect(filters[1]?.typed_config).toMatchObject({
    "@type": "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm",
    config: { name: "b", configuration: { value: '{"deny":["x"]}' }, failure_policy: "FAIL_RELOAD" },
  });
});
