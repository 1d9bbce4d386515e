// What is compared: one listener of one Envoy for each variant, alike but for its filters.

import type { HttpFilter } from "../../envoy/config/http-filter.js";
import type { Json } from "../../envoy/config/json.js";
import { typedConfig } from "../../envoy/config/typed-config.js";
import { wasmFilter } from "../../envoy/config/wasm.js";
import { modulePath } from "../../filters/build.js";
import type { HeaderRoutingConfig } from "../../filters/header-routing/schema.js";
import { buildIdleModule, FIVE_CALLBACKS } from "./modules.js";

export interface Variant {
  readonly name: string;
  readonly filters: readonly HttpFilter[];
}

/** The variant that all others are counted over. */
export const NO_FILTER = "no filter";
/** The variant that makes the figures of one machine comparable with another's. */
export const YARDSTICK = "Wasm that does nothing, five callbacks";

/** Rules as a mesh has them: each kind of test, and at the end a split that most requests come to. */
const TEN_RULES: HeaderRoutingConfig = {
  rules: [
    { name: "premium", match: { headers: [{ name: "x-user-type", exact: "premium" }] }, destination: "v2" },
    { name: "beta", match: { headers: [{ name: "x-user-group", exact: "beta" }] }, destination: "v2" },
    { name: "tester", match: { headers: [{ name: "end-user", exact: "canary-tester" }] }, destination: "v2" },
    { name: "api-v1", match: { path: { segments: "/api/v1" } }, destination: "v1" },
    { name: "api-v2", match: { path: { segments: "/api/v2" } }, destination: "v2" },
    { name: "cookie", match: { cookies: [{ name: "beta", exact: "1" }] }, destination: "v2" },
    { name: "admin", match: { method: "POST", path: { prefix: "/admin" } }, destination: "v3" },
    { name: "try", match: { query: [{ name: "try", exact: "new" }] }, destination: "v2" },
    {
      name: "metal",
      match: { headers: [{ name: "x-user-type", oneOf: ["gold", "silver"] }] },
      destination: "v2",
    },
    {
      name: "canary",
      split: {
        key: { header: "x-user-id" },
        destinations: [
          { name: "v1", weight: 90 },
          { name: "v2", weight: 10 },
        ],
      },
    },
  ],
};

/** Rules that test one header for equality, none of which the load's requests match. */
function equalityRules(count: number): HeaderRoutingConfig {
  return {
    rules: Array.from({ length: count }, (_, i) => ({
      name: `rule-${i}`,
      match: { headers: [{ name: "x-user-id", exact: `nobody-${i}` }] },
      destination: "v1",
    })),
  };
}

/**
 * All variants.
 * @param directory where modules go that are compiled for the comparison
 */
export async function benchVariants(directory: string): Promise<readonly Variant[]> {
  const [none, one, five] = await Promise.all([
    buildIdleModule(directory, []),
    buildIdleModule(directory, ["proxy_on_request_headers"]),
    buildIdleModule(directory, FIVE_CALLBACKS),
  ]);
  const idle = (name: string, module: string): Variant => ({
    name,
    filters: [wasmFilter({ name: name.replaceAll(/[^a-z0-9]+/gi, "-"), module })],
  });
  return [
    { name: NO_FILTER, filters: [] },
    idle(YARDSTICK, five),
    idle("Wasm that does nothing, one callback", one),
    idle("Wasm that does nothing, no callback", none),
    ours("header-routing, ten rules", "header-routing", TEN_RULES),
    ours("header-routing, one equality rule", "header-routing", equalityRules(1)),
    ours("header-routing, 1,000 equality rules", "header-routing", equalityRules(1000)),
    ours("trace-headers, W3C in and out", "trace-headers", {}),
    ours("trace-headers, a new trace", "trace-headers", { trustIncoming: false }),
    { name: "native header mutation", filters: [headerMutation()] },
    { name: "native fault, 0 %", filters: [fault()] },
    { name: "native RBAC, allow any", filters: [rbac()] },
    { name: "Lua, adds a response header", filters: [lua()] },
    idle(`${YARDSTICK} (again)`, five),
  ];
}

function ours(name: string, filter: string, configuration: object): Variant {
  const id = name.replaceAll(/[^a-z0-9]+/gi, "-");
  return {
    name,
    filters: [wasmFilter({ name: id, module: modulePath(filter), configuration: configuration as Json })],
  };
}

function headerMutation(): HttpFilter {
  const append = { header: { key: "x-added", value: "1" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" };
  return {
    name: "envoy.filters.http.header_mutation",
    typed_config: typedConfig("envoy.extensions.filters.http.header_mutation.v3.HeaderMutation", {
      mutations: { response_mutations: [{ append }] },
    }),
  };
}

function fault(): HttpFilter {
  const percentage = { numerator: 0, denominator: "HUNDRED" };
  return {
    name: "envoy.filters.http.fault",
    typed_config: typedConfig("envoy.extensions.filters.http.fault.v3.HTTPFault", {
      abort: { http_status: 503, percentage },
    }),
  };
}

function rbac(): HttpFilter {
  const policy = { permissions: [{ any: true }], principals: [{ any: true }] };
  return {
    name: "envoy.filters.http.rbac",
    typed_config: typedConfig("envoy.extensions.filters.http.rbac.v3.RBAC", {
      rules: { action: "ALLOW", policies: { all: policy } },
    }),
  };
}

function lua(): HttpFilter {
  const code = 'function envoy_on_response(handle) handle:headers():add("x-added", "1") end';
  return {
    name: "envoy.filters.http.lua",
    typed_config: typedConfig("envoy.extensions.filters.http.lua.v3.Lua", {
      default_source_code: { inline_string: code },
    }),
  };
}
