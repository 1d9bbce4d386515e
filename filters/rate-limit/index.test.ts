// The binding, in the in-process host: what a request costs, and what one rule does with it.

import { beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../envoy/config/json.js";
import { type HostedModule, loadModule } from "../../kit/host/load.js";
import type { HeaderList } from "../../kit/traffic.js";
import { dynamicMetadata } from "../../test/support/metadata.js";
import {
  buildRateLimit,
  decisions,
  header,
  limitedProxy,
  PER_USER,
  passing,
} from "../../test/support/rate-limit-proxy.js";
import type { RateLimitConfig } from "./schema.js";

const PLAIN: HeaderList = [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "shop.test"],
];

let path: string;
let module: HostedModule;

beforeAll(async () => {
  path = await buildRateLimit();
  module = loadModule(path);
});

function configure(config: RateLimitConfig): void {
  module = loadModule(path);
  expect(module.configure(JSON.stringify(config))).toEqual({ accepted: true, logs: [] });
}

function hostCalls(...more: HeaderList): Record<string, number> {
  return Object.fromEntries(module.exchange([...PLAIN, ...more]).hostCalls);
}

const proxyOf = (config: RateLimitConfig) => limitedProxy(path, config);

describe("a request's host calls", () => {
  test("are the key, the clock, the bucket read and written, and a count", () => {
    configure({ rules: [{ name: "r", key: PER_USER, local: { limit: 10, unit: "second" } }] });
    expect(hostCalls(["x-user", "ann"])).toEqual({
      proxy_get_header_map_pairs: 1,
      clock_time_get: 1,
      proxy_get_shared_data: 1,
      proxy_set_shared_data: 1,
      proxy_increment_metric: 1,
    });
  });

  test("are, for each of several rules, the key, its bucket read and written, and a count", () => {
    const rules = ["a", "b"].map((name) => ({
      name,
      key: [{ header: `x-${name}` }],
      local: { limit: 10, unit: "second" as const },
    }));
    configure({ rules });
    expect(hostCalls(["x-a", "1"], ["x-b", "2"])).toEqual({
      proxy_get_header_map_pairs: 1,
      clock_time_get: 1,
      proxy_get_shared_data: 2,
      proxy_set_shared_data: 2,
      proxy_increment_metric: 2,
    });
  });

  test("include no write when the request is refused, or costs nothing", () => {
    configure({ rules: [{ name: "r", cost: { header: "x-cost" }, local: { limit: 1, unit: "second" } }] });
    hostCalls();
    expect(hostCalls()).not.toHaveProperty("proxy_set_shared_data");
    expect(hostCalls(["x-cost", "0"])).not.toHaveProperty("proxy_set_shared_data");
  });

  test("are none of time and shared data when no rule counts it", () => {
    configure({
      rules: [{ name: "r", key: PER_USER, missing: "skip", local: { limit: 10, unit: "second" } }],
    });
    expect(hostCalls()).toEqual({ proxy_get_header_map_pairs: 1, proxy_increment_metric: 1 });
  });

  test("a worker that others always overtake refuses, takes nothing, and ends its attempts", () => {
    configure({ explainHeader: "x-why", rules: [{ name: "r", local: { limit: 10, unit: "second" } }] });
    const CAS_MISMATCH = 8;
    module.host.intercept = (call) => (call === "proxy_set_shared_data" ? CAS_MISMATCH : undefined);
    const { localReply, hostCalls } = module.exchange(PLAIN);
    expect(localReply).toMatchObject({ status: 429, details: "rate_limit_contended{r}" });
    expect(hostCalls.get("proxy_set_shared_data")).toBe(1000);
    module.host.intercept = undefined;
    for (let i = 0; i < 10; i++) expect(module.exchange(PLAIN).localReply).toBeUndefined();
    expect(module.exchange(PLAIN).localReply?.status).toBe(429);
  });
});

describe("a rule", () => {
  test("in shadow mode counts and does not act", () => {
    const proxy = proxyOf({
      explainHeader: "x-why",
      rules: [{ name: "r", shadow: true, local: { limit: 2, unit: "minute" } }],
    });
    expect(passing(proxy, 5)).toBe(5);
    expect(decisions(proxy, "r")).toEqual({ "shadow-allowed": 2, "shadow-limited": 3 });
    expect(header(proxy, "x-why")).toEqual(["r;outcome=shadow-limited"]);
  });

  test("handles requests without the key as `missing` says", () => {
    const rules = (["skip", "share", "deny"] as const).map((missing) => ({
      name: missing,
      match: { path: { exact: `/${missing}` } },
      key: PER_USER,
      missing,
      local: { limit: 1, unit: "minute" as const },
    }));
    const proxy = proxyOf({ rules });
    const statuses = (path: string) => [1, 2].map(() => proxy.request({ path }).response?.status);
    expect(statuses("/skip")).toEqual([200, 200]);
    expect(statuses("/share")).toEqual([200, 429]);
    expect(statuses("/deny")).toEqual([429, 429]);
    const denied = proxy.request({ path: "/deny" });
    expect(denied.details).toBe("rate_limit_key_missing{deny}");
    expect(denied.response?.headers.map(([name]) => name)).not.toContain("retry-after");
    expect(decisions(proxy, "skip")).toEqual({ skipped: 2 });
    expect(decisions(proxy, "deny")).toEqual({ denied: 3 });
  });

  test("does not count exempt requests", () => {
    const proxy = proxyOf({
      rules: [
        {
          name: "r",
          exempt: { clientAddresses: ["10.0.0.0/8"], matches: [{ path: { exact: "/healthz" } }] },
          local: { limit: 1, unit: "minute" },
        },
      ],
    });
    const from = (address: string) =>
      proxy.request({ properties: { "source.address": address } }).response?.status;
    expect([1, 2, 3].map(() => from("10.1.2.3:4711"))).toEqual([200, 200, 200]);
    expect([1, 2].map(() => from("192.0.2.1:4711"))).toEqual([200, 429]);
    expect(proxy.request({ path: "/healthz" }).response?.status).toBe(200);
    expect(decisions(proxy, "r")).toEqual({ exempt: 4, allowed: 1, limited: 1 });
  });

  test("counts clients with link-local addresses by their network, whatever the interface", () => {
    const proxy = proxyOf({
      rules: [
        {
          name: "r",
          key: [{ clientAddress: true }],
          exempt: { clientAddresses: ["fe80:0:0:1::/64"] },
          local: { limit: 1, unit: "minute" },
        },
      ],
    });
    const from = (address: string) =>
      proxy.request({ properties: { "source.address": address } }).response?.status;
    expect(["[fe80::1%2]:4711", "[fe80::2%2]:4711", "[fe80::3]:4711"].map(from)).toEqual([200, 429, 429]);
    expect(["[fe80:0:0:1::1%2]:4711", "[fe80:0:0:1::1%2]:4712"].map(from)).toEqual([200, 200]);
  });

  test.each([
    ["5", 2],
    ["0", 10],
    ["-1", 10],
    ["1.5", 10],
    ["00000000000000000000000000005", 2],
    ["99999999999999999999", 0],
    ["11", 0],
    ["10", 1],
    ["", 10],
  ])("counts a request that says it costs %j", (value, expected) => {
    const proxy = proxyOf({
      rules: [
        { name: "r", cost: { header: "x-cost", default: 1, max: 11 }, local: { limit: 10, unit: "minute" } },
      ],
    });
    const passed = passing(proxy, 20, [["x-cost", value]]);
    expect(passed).toBe(value === "0" ? 20 : expected);
  });

  test("accepts keys of ten megabytes and of any bytes", () => {
    configure({ rules: [{ name: "r", key: PER_USER, local: { limit: 1, unit: "minute" } }] });
    const big = "x".repeat(10_000_000);
    for (const value of [big, `${big}y`, "\x80\xff\xfe", "é\u{1f600}", "a\tb"]) {
      const statuses = [1, 2].map(() => module.exchange([...PLAIN, ["x-user", value]]).localReply?.status);
      expect(statuses).toEqual([undefined, 429]);
    }
    const pages = module.pages;
    for (let i = 0; i < 20; i++) module.exchange([...PLAIN, ["x-user", `${big}${i}`]]);
    expect(module.pages).toBe(pages);
  });
});

test("has a token's metadata value as its key, whatever the type", () => {
  configure({
    rules: [
      {
        name: "r",
        key: [{ jwtClaim: { payload: "jwt", claim: ["sub"] } }],
        missing: "deny",
        local: { limit: 1, unit: "minute" },
      },
    ],
  });
  const asked = (sub: string | boolean | Uint8Array) =>
    module.exchange(PLAIN, {
      properties: { "metadata.filter_metadata.envoy.filters.http.jwt_authn.jwt.sub": sub },
    }).localReply?.status;
  const number = Buffer.alloc(8);
  number.writeDoubleLE(42);
  for (const sub of ["ann", number, true]) expect([asked(sub), asked(sub)]).toEqual([undefined, 429]);
});

test("keeps a token's claims of different types apart, and reads its metadata once", () => {
  const claim = (name: string) => ({ jwtClaim: { payload: "jwt", claim: [name] } });
  configure({
    rules: [
      {
        name: "r",
        match: { claims: [{ payload: "jwt", claim: ["roles"], exact: "user" }] },
        key: [claim("sub"), claim("roles")],
        missing: "deny",
        local: { limit: 1, unit: "minute" },
      },
    ],
  });
  const asked = (sub: Json, roles: Json = ["user"]) =>
    module.exchange(PLAIN, {
      properties: { metadata: dynamicMetadata({ "envoy.filters.http.jwt_authn": { jwt: { sub, roles } } }) },
    });
  const subjects = [
    8,
    "8",
    "\0\0\0\0\0\0 @",
    true,
    "true",
    "\u0001",
    ["8"],
    [8],
    '["8"]',
    ["8", "8"],
    ["8,8"],
  ];
  for (const sub of subjects) {
    expect([asked(sub), asked(sub)].map(({ localReply }) => localReply?.status)).toEqual([undefined, 429]);
  }
  for (const sub of [null, {}, [], [{}], 0.5]) expect(asked(sub).localReply?.status).toBe(429);
  expect(asked("ann", ["editor"]).localReply).toBeUndefined();
  expect(Object.fromEntries(asked("ben").hostCalls)).toEqual({
    proxy_get_property: 1,
    clock_time_get: 1,
    proxy_get_shared_data: 1,
    proxy_set_shared_data: 1,
    proxy_increment_metric: 1,
  });
});

test("reads the cookies of all lines in one call", () => {
  configure({ rules: [{ name: "r", key: [{ cookie: "sid" }], local: { limit: 1, unit: "minute" } }] });
  const status = (...lines: string[]) =>
    module.exchange([...PLAIN, ...lines.map((line) => ["cookie", line] as const)]).localReply?.status;
  expect(status("sid=ann")).toBeUndefined();
  expect(status("x=1", 'y=2; sid="ann"')).toBe(429);
  expect(status("x=1", "sid=ben")).toBeUndefined();
  expect(hostCalls(["cookie", "x=1"], ["cookie", "sid=eve"])).toEqual({
    proxy_get_header_map_pairs: 1,
    clock_time_get: 1,
    proxy_get_shared_data: 1,
    proxy_set_shared_data: 1,
    proxy_increment_metric: 1,
  });
});

test("has one limit for each host, however a client spells it", () => {
  configure({ rules: [{ name: "r", key: [{ header: ":authority" }], local: { limit: 1, unit: "minute" } }] });
  const status = (host: string) =>
    module.exchange([
      [":method", "GET"],
      [":path", "/"],
      [":authority", host],
    ]).localReply?.status;
  expect(status("shop.test")).toBeUndefined();
  for (const host of [
    "SHOP.test",
    "shop.test:80",
    "shop.test:",
    "shop.test.",
    "Shop.Test.:8080",
    "a@shop.test",
  ]) {
    expect(status(host), host).toBe(429);
  }
  expect(status("[::1]:80")).toBeUndefined();
  expect(status("[::1]")).toBe(429);
  expect(status("[::2]:80")).toBeUndefined();
});
