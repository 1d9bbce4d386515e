import { describe, expect, test } from "vitest";
import type { TypedConfig } from "./typed-config.js";
import { discoveredFilter, wasmFilter, wasmFilterResource } from "./wasm.js";

const options = { name: "header-routing", module: "/filters/header-routing.wasm" };

/** The plugin's part of a Wasm filter's configuration, as loose data. */
function plugin(config: TypedConfig) {
  return config.config as Record<string, unknown> & { vm_config: Record<string, unknown> };
}

describe("wasmFilter", () => {
  test("the configuration is sent as JSON text with its keys in their order", () => {
    const filter = wasmFilter({ ...options, configuration: { z: 1, a: [9007199254740991, "é", null] } });
    expect(plugin(filter.typed_config).configuration).toEqual({
      "@type": "type.googleapis.com/google.protobuf.StringValue",
      value: '{"z":1,"a":[9007199254740991,"é",null]}',
    });
  });

  test("null is a configuration, and an absent one is left out", () => {
    expect(plugin(wasmFilter({ ...options, configuration: null }).typed_config).configuration).toMatchObject({
      value: "null",
    });
    expect(plugin(wasmFilter(options).typed_config)).not.toHaveProperty("configuration");
  });

  test("two filters of one module do not share a VM, unless they ask for it", () => {
    const vmId = (name: string, id?: string) =>
      plugin(wasmFilter({ ...options, name, ...(id === undefined ? {} : { vmId: id }) }).typed_config)
        .vm_config.vm_id;
    expect(vmId("a")).not.toBe(vmId("b"));
    expect(vmId("a", "shared")).toBe(vmId("b", "shared"));
  });

  test("a failure policy is always written, and only a reload has a backoff", () => {
    expect(plugin(wasmFilter(options).typed_config)).toMatchObject({
      failure_policy: "FAIL_RELOAD",
      reload_config: { backoff: { base_interval: "0.1s" } },
    });
    for (const failurePolicy of ["FAIL_OPEN", "FAIL_CLOSED"] as const) {
      const config = plugin(wasmFilter({ ...options, failurePolicy }).typed_config);
      expect(config.failure_policy).toBe(failurePolicy);
      expect(config).not.toHaveProperty("reload_config");
    }
  });

  test("an unknown failure policy is refused, which Envoy would not do for a discovered filter", () => {
    const failurePolicy = "open" as "FAIL_OPEN";
    for (const build of [wasmFilter, wasmFilterResource]) {
      expect(() => build({ ...options, failurePolicy })).toThrow(
        'the failurePolicy of filter "header-routing" is "open": give one of FAIL_RELOAD, FAIL_CLOSED, FAIL_OPEN',
      );
    }
  });
});

test("the VM's configuration and the flag for pauses are written only when asked for", () => {
  const plain = plugin(wasmFilter(options).typed_config);
  expect(plain.vm_config).not.toHaveProperty("configuration");
  expect(plain).not.toHaveProperty("allow_on_headers_stop_iteration");
  const asked = { ...options, vmConfiguration: { a: 1 }, allowOnHeadersStopIteration: true };
  expect(plugin(wasmFilter(asked).typed_config)).toMatchObject({
    vm_config: { configuration: { value: '{"a":1}' } },
    allow_on_headers_stop_iteration: true,
  });
});

test("a discovered filter and its resource agree on name and type, and the settings are those in place", () => {
  const filter = discoveredFilter("header-routing");
  const resource = wasmFilterResource({ ...options, configuration: {} });
  expect(resource.name).toBe(filter.name);
  expect(filter.config_discovery.type_urls).toEqual([resource.typed_config["@type"]]);
  expect(resource.typed_config).toEqual(wasmFilter({ ...options, configuration: {} }).typed_config);
});
