// Limits that count what an answer says, in the in-process host.

import { beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import { type HostedProxy, hostProxy } from "../../../kit/host/proxy.js";
import type { HeaderList, UpstreamResponse } from "../../../kit/traffic.js";
import { buildRateLimit, decisions, PER_USER } from "../../../test/support/rate-limit-proxy.js";
import type { RateLimitConfig } from "../schema.js";

type Rule = RateLimitConfig["rules"][number];

let path: string;
let answer: UpstreamResponse;

beforeAll(async () => {
  path = await buildRateLimit();
});

/** Four workers before an upstream that gives `answer`, and one rule with 100 tokens a minute. */
function priced(cost: Rule["cost"], fields: Partial<Rule> = {}, more: Partial<RateLimitConfig> = {}) {
  answer = {};
  const rule = { name: "r", key: PER_USER, cost, local: { limit: 100, unit: "minute" as const }, ...fields };
  return hostProxy({
    workers: 4,
    filters: [{ name: "rate-limit", module: path, configuration: { ...more, rules: [rule] } as Json }],
    upstreams: { upstream: () => answer },
  });
}

function status(proxy: HostedProxy, headers: HeaderList = [["x-user", "ann"]]): number | undefined {
  return proxy.request({ headers }).response?.status;
}

function statuses(proxy: HostedProxy, count: number): (number | undefined)[] {
  return Array.from({ length: count }, () => status(proxy));
}

/** After how many tokens' worth of time ann's next request passes. */
function debt(proxy: HostedProxy): number {
  for (let tokens = 0; tokens <= 100_000; tokens++) {
    if (status(proxy) !== 429) return tokens;
    proxy.advance(600);
  }
  throw new Error("she is never let in again");
}

const unpriced = (proxy: HostedProxy) =>
  proxy.metrics.get("meshwright.rate_limit.unpriced_answers_total;rule=r") ?? 0;
const JSON_TYPE: HeaderList = [["content-type", "application/json"]];
const EVENT_TYPE: HeaderList = [["content-type", "text/event-stream; charset=utf-8"]];
const USAGE: Rule["cost"] = { responseJson: ["usage", "total_tokens"], default: 7 };
const usage = (tokens: unknown) => JSON.stringify({ id: "x", usage: { total_tokens: tokens } });

describe("a cost by the answer's status", () => {
  test("counts failed logins alone, over all workers", () => {
    const proxy = priced({ statuses: [401, 403] }, { local: { limit: 3, unit: "hour" } });
    answer = { status: 200 };
    expect(new Set(statuses(proxy, 20))).toEqual(new Set([200]));
    answer = { status: 401 };
    expect(statuses(proxy, 5)).toEqual([401, 401, 401, 429, 429]);
    expect(status(proxy, [["x-user", "bob"]])).toBe(401);
    proxy.advance(20 * 60_000);
    answer = { status: 200 };
    expect(statuses(proxy, 3)).toEqual([200, 200, 200]);
    expect(decisions(proxy, "r")).toEqual({ allowed: 20 + 3 + 1 + 3, limited: 2 });
    expect(unpriced(proxy)).toBe(0);
  });

  test("counts the refusals of filters behind it, and not its own", () => {
    const proxy = priced({ statuses: [429] }, { local: { limit: 2, unit: "hour" } });
    answer = { status: 429 };
    expect(statuses(proxy, 10)).toEqual(Array(10).fill(429));
    expect(decisions(proxy, "r")).toEqual({ allowed: 2, limited: 8 });
  });

  test("costs nothing when there is no answer", () => {
    const proxy = priced({ statuses: [401] }, { local: { limit: 1, unit: "hour" } });
    answer = { fault: "never" };
    for (let i = 0; i < 5; i++) {
      const exchange = proxy.request({ headers: [["x-user", "ann"]] });
      expect(exchange.localReply).toBeUndefined();
      exchange.cancel();
    }
    answer = { status: 401 };
    expect(statuses(proxy, 2)).toEqual([401, 429]);
  });
});

describe("a cost in a header of the answer", () => {
  test("is taken after the answer, leaves a debt, and refuses until it is paid", () => {
    const proxy = priced({ responseHeader: "x-tokens" });
    answer = { headers: [["x-tokens", "60"]] };
    expect(statuses(proxy, 4)).toEqual([200, 200, 429, 429]);
    // 120 of 100 are used: 20 are owed, and one more is needed.
    expect(debt(proxy)).toBe(21);
  });

  test.each([
    ["none", undefined],
    ["negative", "-5"],
    ["no number", "NaN"],
    ["a fraction", "1.5"],
    ["empty", ""],
    ["two lines", "5,5"],
    ["with a sign", "+5"],
  ])("counts as the default where it is %s", (_, value) => {
    const proxy = priced({ responseHeader: "x-tokens", default: 50 });
    answer = { headers: value === undefined ? [] : [["x-tokens", value]] };
    expect(statuses(proxy, 3)).toEqual([200, 200, 429]);
    expect(unpriced(proxy)).toBe(2);
  });

  test("is at most `max`, however large it is", () => {
    const proxy = priced({ responseHeader: "x-tokens", max: 130 });
    answer = { headers: [["x-tokens", "9".repeat(300)]] };
    expect(statuses(proxy, 2)).toEqual([200, 429]);
    expect(debt(proxy)).toBe(31);
  });

  test("of many answers at once is owed in full, up to a thousand of the highest", () => {
    const proxy = priced({ responseHeader: "x-tokens", max: 10 }, { local: { limit: 10, unit: "second" } });
    answer = { delayMs: 1, headers: [["x-tokens", "10"]] };
    for (let i = 0; i < 1500; i++) proxy.request({ headers: [["x-user", "ann"]] });
    proxy.advance(2);
    answer = { headers: [["x-tokens", "0"]] };
    proxy.advance(999_000);
    expect(status(proxy)).toBe(429);
    proxy.advance(2_000);
    expect(status(proxy)).toBe(200);
  });

  test("is counted by a shadow rule, which refuses nobody", () => {
    const proxy = priced({ responseHeader: "x-tokens" }, { shadow: true });
    answer = { headers: [["x-tokens", "100"]] };
    expect(statuses(proxy, 3)).toEqual([200, 200, 200]);
    expect(decisions(proxy, "r")).toEqual({ "shadow-allowed": 1, "shadow-limited": 2 });
  });

  test("is owed by nobody whom another rule refuses", () => {
    answer = { headers: [["x-tokens", "60"]] };
    const rules = [
      { name: "tokens", cost: { responseHeader: "x-tokens" }, local: { limit: 100, unit: "hour" } },
      { name: "once", key: PER_USER, local: { limit: 1, unit: "hour" } },
    ];
    const proxy = hostProxy({
      filters: [{ name: "rate-limit", module: path, configuration: { rules } as Json }],
      upstreams: { upstream: () => answer },
    });
    const user = (name: string) => status(proxy, [["x-user", name]]);
    expect([user("a"), user("a"), user("a"), user("b"), user("c")]).toEqual([200, 429, 429, 200, 429]);
  });
});

describe("a cost in the answer's JSON", () => {
  test("is the number under the path, whatever the pieces", () => {
    for (const body of [usage(60), [...usage(60)], [usage(60).slice(0, 20), usage(60).slice(20)]]) {
      const proxy = priced(USAGE);
      answer = { headers: JSON_TYPE, body };
      expect(statuses(proxy, 3)).toEqual([200, 200, 429]);
      expect(unpriced(proxy)).toBe(0);
      expect(debt(proxy)).toBe(21);
    }
  });

  test("may stand in the events of a stream", () => {
    const proxy = priced(USAGE);
    const events = ['data: {"usage":null}\n\n', `data: ${usage(110)}\n\n`, "data: [DONE]\n\n"];
    answer = { headers: EVENT_TYPE, body: events, pieceDelayMs: 10 };
    const exchange = proxy.request({ headers: [["x-user", "ann"]] });
    proxy.advance(100);
    expect(exchange.response?.body).toBe(events.join(""));
    expect(status(proxy)).toBe(429);
    expect(debt(proxy)).toBe(11);
  });

  test("can be the sum of several numbers, each with its weight, in one document or over a stream", () => {
    const sum: Rule["cost"] = {
      responseJsonSum: [
        { path: ["message", "usage", "input_tokens"] },
        { path: ["usage", "input_tokens"] },
        { path: ["usage", "output_tokens"], weight: 5 },
      ],
    };
    const stream = [
      'data: {"type":"message_start","message":{"usage":{"input_tokens":125,"output_tokens":1}}}\n\n',
      'data: {"type":"message_delta","usage":{"output_tokens":9}}\n\n',
      'data: {"type":"message_delta","usage":{"output_tokens":15}}\n\n',
    ];
    const bodies: readonly [UpstreamResponse, number][] = [
      [{ headers: JSON_TYPE, body: '{"usage":{"input_tokens":100,"output_tokens":20}}' }, 200],
      [{ headers: EVENT_TYPE, body: stream }, 200],
      [{ headers: JSON_TYPE, body: '{"usage":{"output_tokens":30}}' }, 150],
      [{ headers: JSON_TYPE, body: '{"usage":{}}' }, 107],
    ];
    for (const [given, cost] of bodies) {
      const proxy = priced({ ...sum, default: 107 });
      answer = given;
      status(proxy);
      proxy.advance(0);
      expect(debt(proxy)).toBe(cost - 99);
    }
  });

  test.each([
    ["has another type", { headers: [["content-type", "text/plain"]], body: usage(60) }],
    ["has no type", { body: usage(60) }],
    ["is encoded", { headers: [...JSON_TYPE, ["content-encoding", "gzip"]], body: usage(60) }],
    ["is empty", { headers: JSON_TYPE }],
    ["has no number", { headers: JSON_TYPE, body: usage(null) }],
    ["has a negative number", { headers: JSON_TYPE, body: usage(-60) }],
    ["has a text", { headers: JSON_TYPE, body: usage("60") }],
    ["is cut", { headers: JSON_TYPE, body: '{"usage":{"total_tokens":60', fault: "reset-in-body" }],
    ["never comes", { fault: "reset" }],
  ] as [string, UpstreamResponse][])("counts as the default where the answer %s", (_, given) => {
    const proxy = priced({ responseJson: ["usage", "total_tokens"], default: 50 });
    answer = given;
    for (let i = 0; i < 2; i++) expect(status(proxy)).not.toBe(429);
    expect(status(proxy)).toBe(429);
    expect(unpriced(proxy)).toBe(2);
  });

  test("is what was said before the client cut the stream, and else the default", () => {
    for (const [first, otherwise] of [
      [`data: ${usage(100)}\n\n`, 0],
      ["data: {}\n\n", 100],
    ] as const) {
      const proxy = priced({ responseJson: ["usage", "total_tokens"], default: otherwise });
      answer = { headers: EVENT_TYPE, body: [first, "data: more\n\n", "data: more\n\n"], pieceDelayMs: 1000 };
      const exchange = proxy.request({ headers: [["x-user", "ann"]] });
      proxy.advance(500);
      expect(exchange.bodySoFar).toBe(first);
      exchange.cancel();
      expect(status(proxy)).toBe(429);
    }
  });

  test("is not held back from the client, nor kept in memory", () => {
    const proxy = priced(USAGE);
    const megabyte = `{"x":"${"y".repeat(1024 * 1024)}"}\n`;
    answer = {
      headers: [["content-type", "application/x-ndjson"]],
      body: Array(20).fill(megabyte),
      pieceDelayMs: 1,
    };
    const exchange = proxy.request({ headers: [["x-user", "ann"]] });
    proxy.advance(5);
    expect(exchange.sizes.response).toBeGreaterThan(4 * megabyte.length);
    proxy.advance(20);
    expect(exchange.response?.end).toBe("whole");
    expect(unpriced(proxy)).toBe(1);
  });
});
