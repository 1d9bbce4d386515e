// What a refused request gets, in the in-process host.

import { beforeAll, describe, expect, test } from "vitest";
import { buildRateLimit, limitedProxy, PER_USER, passing } from "../../../test/support/rate-limit-proxy.js";
import type { RateLimitConfig } from "../schema.js";

let path: string;

beforeAll(async () => {
  path = await buildRateLimit();
});

const LOCAL = { limit: 2, unit: "minute" } as const;

/** The answer to the first request of ann that is refused. */
function refusal(config: RateLimitConfig, headers: [string, string][] = []) {
  const proxy = limitedProxy(path, config);
  const sent = [["x-user", "ann"], ...headers] as const;
  passing(proxy, 2, [...sent]);
  const { response } = proxy.request({ headers: [...sent] });
  // The HTTP status of a gRPC refusal is 200.
  if (response?.header("x-envoy-ratelimited") !== "true") throw new Error("nothing was refused");
  return response;
}

const one = (answer: RateLimitConfig["answer"], more: Partial<RateLimitConfig> = {}) => ({
  ...more,
  answer,
  rules: [{ name: "per-user", key: PER_USER, local: LOCAL }],
});

describe("the body of a refusal", () => {
  test("says the rule, the wait and the limit's figures", () => {
    const body =
      '{"error": {"rule": "{rule}", "retryAfter": {retryAfter}, "of": {limit}, "left": {remaining}}}';
    const { body: sent } = refusal(one({ body, contentType: "application/json" }));
    expect(JSON.parse(sent)).toEqual({ error: { rule: "per-user", retryAfter: 30, of: 2, left: 0 } });
  });

  test.each([
    ["{rule}{rule}", "per-userper-user"],
    ["{{rule}}", "{per-user}"],
    ["{rule", "{rule"],
    ["{Rule} {retry} {} {else}", "{Rule} {retry} {} {else}"],
    ["{ru{rule}le}", "{ruper-userle}"],
    ["wait {retryAfter} s\n", "wait 30 s\n"],
  ])("%j is sent as %j", (body, sent) => {
    expect(refusal(one({ body })).body).toBe(sent);
  });

  test("has 0 where nobody knows, and where waiting does not help", () => {
    const body = "{retryAfter} {limit} {remaining}";
    const costly = { answer: { body }, rules: [{ name: "r", cost: { fixed: 3 }, local: LOCAL }] };
    expect(refusal(costly).body).toBe("0 2 2");
    const denied = {
      answer: { body },
      rules: [{ name: "r", key: [{ header: "x-none" }], missing: "deny" as const, local: LOCAL }],
    };
    expect(refusal(denied).body).toBe("0 0 0");
  });

  test("is the message of a gRPC status too", () => {
    const grpc: [string, string] = ["content-type", "application/grpc"];
    const answer = refusal(one({ body: "{rule}: wait {retryAfter} s" }), [grpc]);
    expect(answer.header("grpc-status")).toBe("8");
    expect(answer.header("grpc-message")).toBe("per-user: wait 30 s");
  });

  test("of the rule with the longest wait, of several", () => {
    const rules = [
      { name: "short", local: { limit: 2, unit: "second" as const } },
      { name: "long", key: PER_USER, local: { limit: 2, unit: "hour" as const } },
    ];
    expect(refusal({ answer: { body: "{rule} {retryAfter}" }, rules }).body).toBe("long 1800");
  });
});

describe("the headers of a refusal", () => {
  const headers = [
    { name: "access-control-allow-origin", value: "*" },
    { name: "link", value: '<https://shop.test/limits>; rel="help"' },
  ];

  test("are added to it, and to no answer that passes", () => {
    const answer = refusal(one({ headers }));
    expect(answer.header("access-control-allow-origin")).toBe("*");
    expect(answer.header("link")).toBe('<https://shop.test/limits>; rel="help"');
    expect(answer.header("x-envoy-ratelimited")).toBe("true");
    expect(answer.header("retry-after")).toBe("30");
    const { response } = limitedProxy(path, one({ headers })).request();
    expect(response?.header("link")).toBeUndefined();
  });

  test("are added to gRPC answers too", () => {
    expect(refusal(one({ headers }), [["content-type", "application/grpc"]]).header("link")).toContain(
      "help",
    );
  });
});

describe("headers of OpenAI's names", () => {
  const rules: RateLimitConfig["rules"] = [
    { name: "requests", key: PER_USER, local: { limit: 500, unit: "hour" } },
    { name: "fewer", local: { limit: 200, unit: "minute" } },
    {
      name: "tokens",
      key: PER_USER,
      cost: { header: "x-tokens", max: 10_000 },
      local: { limit: 10_000, unit: "hour", burst: 20_000 },
    },
    { name: "failures", key: PER_USER, cost: { statuses: [500] }, local: { limit: 1, unit: "hour" } },
  ];

  test("say requests and tokens apart, of each the limit with the least remaining", () => {
    const proxy = limitedProxy(path, { headers: "openai", rules });
    const { response } = proxy.request({
      headers: [
        ["x-user", "ann"],
        ["x-tokens", "1000"],
      ],
    });
    const said = response?.headers.filter(([name]) => name.startsWith("x-ratelimit-"));
    expect(Object.fromEntries(said ?? [])).toEqual({
      "x-ratelimit-limit-requests": "200",
      "x-ratelimit-remaining-requests": "199",
      "x-ratelimit-reset-requests": "1s",
      "x-ratelimit-limit-tokens": "10000",
      "x-ratelimit-remaining-tokens": "19000",
      "x-ratelimit-reset-tokens": "6m0s",
    });
  });

  test("write times as the API does, and replace those of the upstream", () => {
    for (const [limit, text] of [
      [3600, "1s"],
      [60, "1m0s"],
      [59, "1m2s"],
      [1, "1h0m0s"],
    ] as const) {
      const proxy = limitedProxy(path, {
        headers: "openai",
        rules: [{ name: "r", local: { limit, unit: "hour" } }],
      });
      expect(proxy.request().response?.header("x-ratelimit-reset-requests")).toBe(text);
    }
  });
});
