// rate-limit in stock Envoy: what each part of a key tells apart, and what happens to a request
// without it.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SendOptions } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { expectAlive, type LimitEnvoy, type LimitRule, startLimitEnvoy } from "./limit-envoy.js";

type KeyPart = NonNullable<LimitRule["key"]>[number];

const PROTOCOLS = ["http1", "http2"] as const;

let limited: LimitEnvoy;
let rules = 0;

beforeAll(async () => {
  limited = await startLimitEnvoy();
});
afterAll(() => limited?.[Symbol.asyncDispose]());
beforeEach(() => {
  showLogsOnFailure(limited.envoy);
});

/**
 * Two an hour for each key, under a name that no test used before, so that no bucket of another
 * test is left.
 */
async function limitBy(key: KeyPart[] | undefined, more: Partial<LimitRule> = {}): Promise<string> {
  const name = `keys-${rules++}`;
  await limited.rules({
    name,
    ...(key === undefined ? {} : { key }),
    local: { limit: 2, unit: "hour" },
    ...more,
  });
  return name;
}

const header = (name: string, value: string): SendOptions => ({ headers: [[name, value]] });
const cookie = (value: string) => header("cookie", value);
const path = (value: string): SendOptions => ({ path: value });

interface KeyCase {
  readonly part: KeyPart;
  /** Requests with one key. */
  readonly same: readonly [SendOptions, SendOptions];
  /** A request with another key. */
  readonly other: SendOptions;
}

const CASES: Readonly<Record<string, KeyCase>> = {
  header: {
    part: { header: "x-user" },
    same: [header("x-user", "ann"), header("X-User", "ann")],
    other: header("x-user", "bob"),
  },
  ":authority": {
    part: { header: ":authority" },
    same: [header("host", "one.test"), header("host", "one.test")],
    other: header("host", "two.test"),
  },
  cookie: {
    part: { cookie: "sid" },
    same: [cookie("a=1; sid=ann"), cookie("sid=ann; theme=dark")],
    other: cookie("sid=bob; a=1"),
  },
  "a cookie of the second line": {
    part: { cookie: "sid" },
    same: [
      {
        headers: [
          ["cookie", "x=1"],
          ["cookie", "sid=ann"],
        ],
      },
      {
        headers: [
          ["cookie", "a=b,c"],
          ["cookie", 'sid="ann"; sid=bob'],
        ],
      },
    ],
    other: cookie("sid=bob"),
  },
  "a host in each of its spellings": {
    part: { header: "host" },
    same: [header("host", "Three.TEST:8080"), header("host", "three.test.")],
    other: header("host", "[::1]:80"),
  },
  "all lines of a list": {
    part: { header: "baggage" },
    same: [
      {
        headers: [
          ["baggage", "a=1"],
          ["baggage", "b=2"],
        ],
      },
      header("baggage", "a=1,b=2"),
    ],
    other: header("baggage", "a=1"),
  },
  query: {
    part: { query: "user" },
    same: [path("/?user=a%20b"), path("/x?q=1&user=a+b")],
    other: path("/?user=a%2Bb"),
  },
  pathSegment: {
    part: { pathSegment: 1 },
    same: [path("/v1/users/1"), path("/v2/users?x=1")],
    other: path("/v1/orders/1"),
  },
  method: {
    part: { method: true },
    same: [{ method: "GET" }, { method: "GET", path: "/x" }],
    other: { method: "PUT" },
  },
  route: {
    part: { route: true },
    same: [header("x-mesh-destination", "two"), header("x-mesh-destination", "two")],
    other: header("x-mesh-destination", "one"),
  },
};

describe.each(PROTOCOLS)("a key over %s", (protocol) => {
  test.each(Object.keys(CASES))("by %s counts each value separately", async (name) => {
    const { part, same, other } = CASES[name] as KeyCase;
    const rule = await limitBy([part]);
    for (const request of same) expect(await limited.statuses(1, { protocol, ...request })).toEqual([200]);
    for (const request of same) expect(await limited.statuses(1, { protocol, ...request })).toEqual([429]);
    expect(await limited.statuses(3, { protocol, ...other })).toEqual([200, 200, 429]);
    expect(await limited.outcomes(rule)).toEqual({ allowed: 4, limited: 3 });
  });
});

describe("a rule", () => {
  test("without a key, or with a value, counts all requests together", async () => {
    for (const key of [undefined, [{ value: "all" }]]) {
      await limitBy(key);
      const statuses: number[] = [];
      for (const user of ["a", "b", "c"]) {
        statuses.push(...(await limited.statuses(1, header("x-user", user))));
      }
      expect(statuses).toEqual([200, 200, 429]);
    }
  });

  test("with several parts counts each combination separately, also when their texts join to the same", async () => {
    await limitBy([{ header: "x-a" }, { header: "x-b" }]);
    const pair = (a: string, b: string): SendOptions => ({
      headers: [
        ["x-a", a],
        ["x-b", b],
      ],
    });
    for (const [a, b] of [
      ["ab", "c"],
      ["a", "bc"],
      ["abc", "abc"],
      ["c", "ab"],
    ] as const) {
      expect(await limited.statuses(3, pair(a, b))).toEqual([200, 200, 429]);
    }
  });

  test("counts what its match holds for, and nothing else", async () => {
    const rule = await limitBy(undefined, { match: { path: { prefix: "/api/" }, method: "POST" } });
    expect(await limited.statuses(3, { path: "/api/x", method: "POST" })).toEqual([200, 200, 429]);
    expect(await limited.statuses(3, { path: "/api/x" })).toEqual([200, 200, 200]);
    expect(await limited.statuses(3, { path: "/other", method: "POST" })).toEqual([200, 200, 200]);
    expect(await limited.outcomes(rule)).toEqual({ allowed: 2, limited: 1 });
  });

  test("compares a value of any length in full", async () => {
    await limitBy([{ header: "x-user" }]);
    const long = "x".repeat(40_000);
    expect(await limited.statuses(3, header("x-user", `${long}a`))).toEqual([200, 200, 429]);
    expect(await limited.statuses(3, header("x-user", `${long}b`))).toEqual([200, 200, 429]);
    await expectAlive(limited);
  });
});

describe("a request without the key", () => {
  const absent: Readonly<Record<string, [KeyPart, SendOptions]>> = {
    header: [{ header: "x-user" }, {}],
    cookie: [{ cookie: "sid" }, cookie("sidd=1; xsid=2")],
    query: [{ query: "user" }, path("/?users=1")],
    pathSegment: [{ pathSegment: 3 }, path("/a/b/c")],
  };

  test.each(Object.keys(absent))("by %s shares one bucket with all such requests", async (name) => {
    const [part, request] = absent[name] as [KeyPart, SendOptions];
    await limitBy([part]);
    expect(await limited.statuses(3, request)).toEqual([200, 200, 429]);
    await limitBy([part], { missing: "share" });
    expect(await limited.statuses(3, request)).toEqual([200, 200, 429]);
  });

  test.each(Object.keys(absent))("by %s is not limited when the rule skips it", async (name) => {
    const [part, request] = absent[name] as [KeyPart, SendOptions];
    const rule = await limitBy([part], { missing: "skip" });
    expect(await limited.statuses(4, request)).toEqual([200, 200, 200, 200]);
    expect(await limited.outcomes(rule)).toEqual({ skipped: 4 });
  });

  test.each(Object.keys(absent))("by %s is refused when the rule denies it", async (name) => {
    const [part, request] = absent[name] as [KeyPart, SendOptions];
    const rule = await limitBy([part], { missing: "deny" });
    expect(await limited.statuses(1, request)).toEqual([429]);
    const refused = await limited.request(request);
    // Waiting does not help, so there is no Retry-After.
    expect([refused.status, refused.header("retry-after")]).toEqual([429, undefined]);
    expect(await limited.outcomes(rule)).toEqual({ denied: 2 });
  });

  test("includes one whose value is empty, so that it gets no limit of its own", async () => {
    await limitBy([{ header: "x-user" }]);
    expect(await limited.statuses(1)).toEqual([200]);
    expect(await limited.statuses(2, header("x-user", ""))).toEqual([200, 429]);
    await limitBy([{ header: "x-user" }], { missing: "deny" });
    expect(await limited.statuses(1, header("x-user", ""))).toEqual([429]);
  });

  test("includes one that lacks one of several parts", async () => {
    await limitBy([{ header: "x-a" }, { header: "x-b" }], { missing: "deny" });
    expect(await limited.statuses(1, header("x-a", "1"))).toEqual([429]);
    expect(await limited.statuses(1, header("x-b", "1"))).toEqual([429]);
  });
});
