// Rules with a limit of this Envoy and a limit of the service, in the in-process host: what the
// service is asked, and what both limits decide together.

import { beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import { type HostedProxy, hostProxy } from "../../../kit/host/proxy.js";
import {
  type AskedDescriptor,
  decodeQuestion,
  encodeVerdict,
  type LimitVerdict,
} from "../../../test/support/rate-limit-messages.js";
import { buildFilters } from "../../../toolchain/compile/build.js";
import type { RateLimitConfig } from "../schema.js";

const METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
const SERVICE = { cluster: "limits", domain: "shop" };
const KEY: RateLimitConfig["rules"][number]["key"] = [{ header: "x-user" }];
const MINUTE = "minute" as const;

let path: string;

beforeAll(async () => {
  const [built] = await buildFilters(["rate-limit"]);
  if (built === undefined) throw new Error("rate-limit was not built");
  path = built.path;
});

interface Limited {
  readonly proxy: HostedProxy;
  /** How often the service was asked. */
  readonly asked: () => number;
  /** The entries of each descriptor in the last question. */
  readonly lastEntries: () => readonly AskedDescriptor["entries"][];
  /** Statuses and details of the given number of requests. */
  readonly ask: (requests: number) => (readonly [status: number | undefined, details: string | undefined])[];
  readonly decisions: (rule: string) => Record<string, number>;
}

/** A proxy of two workers. The service gives this verdict, and fails without one. */
function proxyOf(config: Omit<RateLimitConfig, "service">, verdict?: LimitVerdict, service = {}): Limited {
  let asked = 0;
  let descriptors: readonly AskedDescriptor[] = [];
  const answer = (message: Uint8Array) => {
    asked++;
    descriptors = decodeQuestion(Buffer.from(message)).descriptors;
    return verdict === undefined ? { status: 14 } : encodeVerdict(verdict);
  };
  const configuration = { service: { ...SERVICE, ...service }, ...config } as Json;
  const proxy = hostProxy({
    filters: [{ name: "rate-limit", module: path, configuration }],
    upstreams: { upstream: () => ({}), limits: { grpc: { [METHOD]: answer }, protocol: "http2" } },
  });
  const send = () => {
    const { response, details } = proxy.request({ headers: [["x-user", "ann"]] });
    return [response?.status, details] as const;
  };
  return {
    proxy,
    asked: () => asked,
    lastEntries: () => descriptors.map(({ entries }) => entries),
    ask: (requests) => Array.from({ length: requests }, send),
    decisions(rule) {
      const prefix = `meshwright.rate_limit.decisions_total;rule=${rule};outcome=`;
      const found = [...proxy.metrics].filter(([name, value]) => name.startsWith(prefix) && value > 0);
      return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
    },
  };
}

const PASSED = [200, "via_upstream"] as const;
const over = (rule: string) => [429, `rate_limited{${rule}}`] as const;

describe("a rule with both limits", () => {
  const rules = [{ name: "r", key: KEY, local: { limit: 2, unit: MINUTE }, global: {} }];

  test("does not ask the service about a request that this Envoy's own limit refuses", () => {
    const limited = proxyOf({ rules }, { statuses: [{}] });
    expect(limited.ask(5)).toEqual([PASSED, PASSED, over("r"), over("r"), over("r")]);
    expect(limited.asked()).toBe(2);
    expect(limited.decisions("r")).toEqual({ allowed: 2, limited: 3 });
  });

  test("is over when the service says so, and reports the quota with the least remaining", () => {
    const status = {
      over: true,
      limit: { requestsPerUnit: 7, unit: MINUTE },
      remaining: 0,
      resetSeconds: 30,
    };
    const limited = proxyOf({ headers: "ietf", explainHeader: "x-why", rules }, { statuses: [status] });
    const { response } = limited.proxy.request({ headers: [["x-user", "ann"]] });
    expect(response?.status).toBe(429);
    expect(response?.headers).toEqual(
      expect.arrayContaining([
        ["retry-after", "30"],
        ["ratelimit-policy", '"r";q=7;w=60'],
        ["ratelimit", '"r";r=0;t=30'],
        ["x-why", "r;outcome=limited"],
      ]),
    );
    expect(limited.ask(1)).toEqual([over("r")]);
    expect(limited.decisions("r")).toEqual({ limited: 1, "limited-locally": 1 });
  });

  test("does not say when to retry if the service does not", () => {
    const limited = proxyOf(
      { rules },
      { statuses: [{ over: true }], responseHeaders: [["retry-after", "9"]] },
    );
    const { response } = limited.proxy.request({ headers: [["x-user", "ann"]] });
    expect(response?.headers.filter(([name]) => name === "retry-after")).toEqual([["retry-after", "9"]]);
  });
});

describe("a request without a part of the key", () => {
  test("shares one limit with all such requests, also at the service, whatever its other parts are", () => {
    const key = [{ header: "x-other" }, { header: "x-user" }, { value: "v2", as: "version" }];
    const limited = proxyOf({ rules: [{ name: "r", key, global: {} }] }, { statuses: [{}] });
    limited.ask(1);
    expect(limited.lastEntries()).toEqual([
      [
        ["header", ""],
        ["header", ""],
        ["version", "v2"],
      ],
    ]);
  });
});

describe("a field that the service does not send", () => {
  test("is in no header", () => {
    // Window and end are unknown, so neither w, t nor X-RateLimit-Reset may be 0.
    const statuses = [{ limit: { requestsPerUnit: 7, unit: "month" as never }, remaining: 3 }];
    const rules = [{ name: "r", key: KEY, global: {} }];
    const headersOf = (headers: "ietf" | "x-ratelimit") =>
      proxyOf({ headers, rules }, { statuses }).proxy.request({ headers: [["x-user", "ann"]] }).response
        ?.headers;
    const ietf = headersOf("ietf");
    expect(ietf).toContainEqual(["ratelimit-policy", '"r";q=7']);
    expect(ietf).toContainEqual(["ratelimit", '"r";r=3']);
    expect(headersOf("x-ratelimit")?.map(([name]) => name)).not.toContain("x-ratelimit-reset");
  });
});

describe("a key that is known to be over", () => {
  const statuses = [{ over: true, resetSeconds: 3_600 }];

  test("takes nothing from the limits of this Envoy, of its own rule or of others", () => {
    const limited = proxyOf(
      {
        explainHeader: "x-why",
        rules: [
          { name: "all", local: { limit: 3, unit: MINUTE } },
          { name: "user", key: KEY, local: { limit: 3, unit: MINUTE }, global: {} },
          { name: "shadow", shadow: true, local: { limit: 3, unit: MINUTE } },
        ],
      },
      { statuses },
    );
    expect(limited.ask(10)).toEqual(Array(10).fill(over("user")));
    expect(limited.asked()).toBe(1);
    expect(limited.decisions("all")).toEqual({ allowed: 1 });
    expect(limited.decisions("user")).toEqual({ limited: 1, "limited-locally": 9 });
    expect(limited.decisions("shadow")).toEqual({ "shadow-allowed": 10 });
    const refusals = ["bob", "cy", "dan"].map(
      (user) => limited.proxy.request({ headers: [["x-user", user]] }).details,
    );
    // Each user's first request took one of the three for all, and ann's other requests took none.
    expect(refusals).toEqual(["rate_limited{user}", "rate_limited{user}", "rate_limited{all}"]);
  });

  test("is reported in RateLimit too, as far as it is known", () => {
    const rules = [{ name: "r", key: KEY, global: {} }];
    const limited = proxyOf({ headers: "ietf", rules }, { statuses });
    limited.ask(1);
    const { response } = limited.proxy.request({ headers: [["x-user", "ann"]] });
    expect(response?.headers).toContainEqual(["ratelimit", '"r";r=0;t=3600']);
    expect(response?.headers.map(([name]) => name)).not.toContain("ratelimit-policy");
  });

  test("is told when its limit's window ends, however far away that is", () => {
    const limited = proxyOf({ rules: [{ name: "r", key: KEY, global: {} }] }, { statuses });
    const retryAfter = () => {
      const { response } = limited.proxy.request({ headers: [["x-user", "ann"]] });
      return response?.headers.find(([name]) => name === "retry-after")?.[1];
    };
    expect(retryAfter()).toBe("3600");
    limited.proxy.advance(30_000);
    expect(retryAfter()).toBe("3570");
    limited.proxy.advance(29_000);
    expect(retryAfter()).toBe("3541");
    expect(limited.asked()).toBe(1);
    limited.proxy.advance(2_000);
    expect(retryAfter()).toBe("3600");
    expect(limited.asked()).toBe(2);
  });
});

describe("without an answer", () => {
  const rules = [{ name: "r", key: KEY, global: { fallback: { limit: 2, unit: MINUTE } } }];

  test.each([
    ["allow", [PASSED, PASSED, PASSED], { "service-failed-allowed": 3 }],
    ["deny", Array(3).fill([503, "rate_limit_service_failed{r}"]), { "service-failed-denied": 3 }],
    ["local", [PASSED, PASSED, over("r")], { "service-failed-local": 2, limited: 1 }],
  ])("%s decides", (failureMode, outcomes, counts) => {
    const limited = proxyOf({ rules }, undefined, { failureMode });
    expect(limited.ask(3)).toEqual(outcomes);
    expect(limited.decisions("r")).toEqual(counts);
  });
});

describe("several rules without an answer", () => {
  test("use their fallbacks like local limits: none takes anything for a request that another refuses", () => {
    const rule = (name: string, limit: number, more = {}) => ({
      name,
      key: KEY,
      global: { fallback: { limit, unit: MINUTE } },
      ...more,
    });
    const rules = [rule("wide", 5), rule("shadow", 9, { shadow: true }), rule("narrow", 2)];
    const limited = proxyOf({ rules }, undefined, { failureMode: "local" });
    expect(limited.ask(10)).toEqual([PASSED, PASSED, ...Array(8).fill(over("narrow"))]);
    expect(limited.decisions("wide")).toEqual({ "service-failed-local": 2 });
    expect(limited.decisions("shadow")).toEqual({ "shadow-service-failed-local": 10 });
    limited.proxy.configure("rate-limit", {
      service: { ...SERVICE, failureMode: "local" },
      rules: rules.slice(0, 1),
    } as Json);
    expect(limited.ask(4)).toEqual([PASSED, PASSED, PASSED, over("wide")]);
  });
});

describe("several rules", () => {
  test("make one question, and a rule in shadow mode does not act", () => {
    const rules = ["a", "b", "c"].map((name) => ({ name, key: KEY, global: {}, shadow: name === "b" }));
    const statuses = [{}, { over: true }, {}];
    const limited = proxyOf({ explainHeader: "x-why", rules }, { statuses });
    const { response } = limited.proxy.request({ headers: [["x-user", "ann"]] });
    expect(limited.asked()).toBe(1);
    expect(response?.status).toBe(200);
    const explanation = "a;outcome=allowed, b;outcome=shadow-limited, c;outcome=allowed";
    expect(response?.headers).toContainEqual(["x-why", explanation]);
  });

  test("ask only once the limits of this Envoy let the request pass, except for those in shadow mode", () => {
    const rules = [
      { name: "asks", key: KEY, global: {} },
      { name: "own", local: { limit: 1, unit: MINUTE } },
      { name: "shadow", shadow: true, local: { limit: 1, unit: MINUTE } },
    ];
    const limited = proxyOf({ rules }, { statuses: [{}] });
    expect(limited.ask(3)).toEqual([PASSED, over("own"), over("own")]);
    expect(limited.asked()).toBe(1);
    expect(limited.decisions("shadow")).toEqual({ "shadow-allowed": 1, "shadow-limited": 2 });
  });
});
