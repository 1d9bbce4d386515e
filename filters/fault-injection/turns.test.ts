// Turns in the in-process host: which requests meet the fault, over workers and keys, and the bytes
// that the filter keeps in shared data.

import "../../kit/vitest.js";
import { beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../envoy/config/json.js";
import { filterModule, type HeaderList, hostProxy, type ProxyOptions } from "../../kit/index.js";
import { layout, predictable, sharedLayout } from "../../test/support/shared-layout.js";
import type { FaultInjectionConfig } from "./schema.js";

type Turns = NonNullable<FaultInjectionConfig["rules"][number]["turns"]>;

let path: string;

beforeAll(async () => {
  path = await filterModule("fault-injection");
}, 120_000);

const rule = (turns: Turns) => ({ name: "one", abort: { status: 503 }, turns: { ...turns } });
/** Without the types of absent options, which are no JSON. */
const json = (configuration: unknown): Json => JSON.parse(JSON.stringify(configuration));

function proxyOf(turns: Turns, options: ProxyOptions = {}) {
  const filter = { name: "fault", module: path, configuration: json({ rules: [rule(turns)] }) };
  return hostProxy({ filters: [filter], upstreams: { shop: () => ({ body: "sold" }) }, ...options });
}

/** What becomes of so many requests, `f` for those that meet the fault. */
function outcomes(proxy: ReturnType<typeof proxyOf>, requests: readonly HeaderList[]): string {
  const statuses = requests.map((headers) => proxy.request({ headers }).response?.status);
  return statuses.map((status) => (status === 503 ? "f" : "p")).join("");
}

const times = (count: number, headers: HeaderList = []) => Array.from({ length: count }, () => headers);
const user = (name: string): HeaderList => [["x-user", name]];

test.each<[Turns, string]>([
  [{ sequence: ["fail", "fail", "pass"] }, "ffpffpff"],
  [{ sequence: ["fail", "fail"], after: "pass" }, "ffpppppp"],
  [{ sequence: ["pass"], after: "fail" }, "pfffffff"],
  [{ every: 4 }, "pppfpppf"],
  [{ nth: 3 }, "ppfppppp"],
])("%j are the same over two workers as over one", (turns, expected) => {
  for (const workers of [1, 2]) {
    expect(outcomes(proxyOf(turns, { workers }), times(expected.length))).toBe(expected);
  }
});

describe("a key", () => {
  const key = { header: "x-user" };

  test("has turns of its own", () => {
    const proxy = proxyOf({ sequence: ["fail"], after: "pass", key }, { workers: 2 });
    const requests = ["ann", "bob", "ann", "bob", "eve", "ann"].map(user);
    expect(outcomes(proxy, requests)).toBe("ffppfp");
  });

  test("that a request does not have makes it pass", () => {
    const proxy = proxyOf({ every: 1, key });
    expect(outcomes(proxy, [[], user(""), user("ann")])).toBe("ppf");
  });

  test("costs no memory beyond the table, however many there are", () => {
    const proxy = proxyOf({ nth: 1, key });
    const many = Array.from({ length: 40_000 }, (_, i) => user(`user-${i}`));
    expect(outcomes(proxy, many)).not.toContain("p");
    expect(outcomes(proxy, many.slice(-100))).not.toContain("f");
  });
});

test("only requests that the rule is about are counted", () => {
  const match = { headers: [{ name: "x-a", exact: "1" }] };
  const configuration = json({ rules: [{ ...rule({ nth: 2 }), match }] });
  const proxy = hostProxy({
    filters: [{ name: "fault", module: path, configuration }],
    upstreams: { shop: () => ({ body: "sold" }) },
  });
  const hit: HeaderList = [["x-a", "1"]];
  expect(outcomes(proxy, [hit, [], [], hit, hit])).toBe("pppfp");
});

test("the turn of one rule leaves the request to the next", () => {
  const rules = [rule({ every: 2 }), { name: "two", abort: { status: 418 } }];
  const proxy = hostProxy({
    filters: [{ name: "fault", module: path, configuration: json({ rules }) }],
    upstreams: { shop: () => ({ body: "sold" }) },
  });
  expect(times(4).map((headers) => proxy.request({ headers }).response?.status)).toEqual([
    418, 503, 418, 503,
  ]);
});

test("a shadow rule counts its turns and does nothing", () => {
  const rules = [{ ...rule({ every: 2 }), shadow: true }];
  const proxy = hostProxy({
    filters: [{ name: "fault", module: path, configuration: json({ rules }) }],
    upstreams: { shop: () => ({ body: "sold" }) },
  });
  expect(outcomes(proxy, times(4))).toBe("pppp");
  expect(proxy).toHaveMetric("meshwright.fault_injection.decisions_total;rule=one;outcome=shadow-aborted", 2);
});

describe("the number of an attempt", () => {
  const RETRIES: ProxyOptions = { routeOptions: { retryPolicy: { retryOn: ["5xx"], numRetries: 3 } } };
  const ask = (turns: Turns) => {
    const configuration = json({ where: "upstream", rules: [rule(turns)] });
    const proxy = hostProxy({
      upstreamFilters: [{ name: "fault", module: path, configuration }],
      upstreams: { shop: () => ({ body: "sold" }) },
      ...RETRIES,
    });
    return Array.from({ length: 2 }, () => {
      const exchange = proxy.request();
      proxy.advance(1000);
      return [exchange.attempts, exchange.response?.status];
    });
  };

  test("decides, and each request begins anew", () => {
    const sequence = ["fail", "fail", "pass"];
    expect(ask({ sequence, attempts: true })).toEqual([
      [3, 200],
      [3, 200],
    ]);
  });

  test("is not asked for where attempts are counted", () => {
    expect(ask({ sequence: ["fail", "fail"], after: "pass" })).toEqual([
      [3, 200],
      [1, 200],
    ]);
  });
});

describe("the bytes in shared data", () => {
  const kept = (turns: Turns, headers: HeaderList) => {
    const module = predictable(path);
    const configuration = JSON.stringify({ rules: [rule(turns)] });
    expect(module.configure(configuration, { plugin: "faults" }).accepted).toBe(true);
    for (let i = 0; i < 3; i++) module.exchange([[":path", "/"], ...headers]);
    return sharedLayout(module);
  };

  test("are one count where all requests are counted together", () => {
    expect(kept({ sequence: ["fail", "pass"] }, [])).toEqual({
      "15:fault-injection,5:turns,1:1,6:faults,3:one,18:sequence fp repeat,": layout(8, "03"),
    });
  });

  test("are a stamp, then tag, count and stamp of each key", () => {
    const entries = Object.entries(kept({ every: 2, key: { header: "x-user" } }, [["x-user", "ann"]]));
    expect(entries).toEqual([
      ["5:rules,4:seed,1:1,", layout(16, "07".repeat(16))],
      ["fttVlgHbE5eMAA", layout(104, "0300000000000000 c1a0bd0b1e39e431 0300000000000000 03")],
    ]);
  });
});
