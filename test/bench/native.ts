// Envoy's own filters that do the same jobs, and Lua, for comparison.

import type { HttpFilter } from "../../envoy/config/http-filter.js";
import type { Json } from "../../envoy/config/json.js";
import { typedConfig } from "../../envoy/config/typed-config.js";

/** Adds one response header. */
export function headerMutation(): HttpFilter {
  const append = { header: { key: "x-added", value: "1" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" };
  return {
    name: "envoy.filters.http.header_mutation",
    typed_config: typedConfig("envoy.extensions.filters.http.header_mutation.v3.HeaderMutation", {
      mutations: { response_mutations: [{ append }] },
    }),
  };
}

/** Aborts no request, but draws for each whether to. */
export function fault(): HttpFilter {
  const percentage = { numerator: 0, denominator: "HUNDRED" };
  return {
    name: "envoy.filters.http.fault",
    typed_config: typedConfig("envoy.extensions.filters.http.fault.v3.HTTPFault", {
      abort: { http_status: 503, percentage },
    }),
  };
}

/** A token bucket that never runs empty under the load. */
export function localRateLimit(): HttpFilter {
  const always = { default_value: { numerator: 100, denominator: "HUNDRED" } };
  return {
    name: "envoy.filters.http.local_ratelimit",
    typed_config: typedConfig("envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", {
      stat_prefix: "bench",
      token_bucket: { max_tokens: 10_000_000, tokens_per_fill: 10_000_000, fill_interval: "1s" },
      filter_enabled: always,
      filter_enforced: always,
    }),
  };
}

/** Lets every request pass. */
export function rbac(): HttpFilter {
  return allow({ any: true });
}

/** Lets requests pass whose path without its query matches. */
export function rbacOfPath(regex: string): HttpFilter {
  return allow({ url_path: { path: { safe_regex: { regex } } } });
}

function allow(permission: Json): HttpFilter {
  const policy = { permissions: [permission], principals: [{ any: true }] };
  return {
    name: "envoy.filters.http.rbac",
    typed_config: typedConfig("envoy.extensions.filters.http.rbac.v3.RBAC", {
      rules: { action: "ALLOW", policies: { all: policy } },
    }),
  };
}

/** Adds one response header, in Lua. */
export function lua(): HttpFilter {
  const code = 'function envoy_on_response(handle) handle:headers():add("x-added", "1") end';
  return {
    name: "envoy.filters.http.lua",
    typed_config: typedConfig("envoy.extensions.filters.http.lua.v3.Lua", {
      default_source_code: { inline_string: code },
    }),
  };
}
