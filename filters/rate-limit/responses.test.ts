// What responses say, and what several rules do with a request, in the in-process host.

import { beforeAll, describe, expect, test } from "vitest";
import type { HeaderList } from "../../kit/traffic.js";
import {
  buildRateLimit,
  decisions,
  header,
  limitedProxy,
  PER_USER,
  passing,
} from "../../test/support/rate-limit-proxy.js";
import type { RateLimitConfig } from "./schema.js";

let path: string;

beforeAll(async () => {
  path = await buildRateLimit();
});

const proxyOf = (config: RateLimitConfig) => limitedProxy(path, config);

describe("several rules", () => {
  const config: RateLimitConfig = {
    headers: "ietf",
    explainHeader: "x-why",
    rules: [
      { name: "user", key: PER_USER, local: { limit: 3, unit: "minute" } },
      { name: "all", local: { limit: 5, unit: "second" } },
    ],
  };

  test("must all let a request pass, and use up nothing for a request that another rule refuses", () => {
    const proxy = proxyOf(config);
    expect(passing(proxy, 10, [["x-user", "ann"]])).toBe(3);
    expect(passing(proxy, 10, [["x-user", "bob"]])).toBe(2);
    expect(decisions(proxy, "user")).toEqual({ allowed: 5, limited: 7 });
    expect(decisions(proxy, "all")).toEqual({ allowed: 5, limited: 8 });
  });

  test("are all listed in the headers, which replace the upstream's", () => {
    const proxy = proxyOf(config);
    const user: HeaderList = [["x-user", "ann"]];
    expect(header(proxy, "ratelimit-policy", user)).toEqual(['"user";q=3;w=60, "all";q=5;w=1']);
    expect(header(proxy, "ratelimit", user)).toEqual(['"user";r=1;t=20, "all";r=3;t=1']);
    expect(header(proxy, "x-why", user)).toEqual(["user;outcome=allowed, all;outcome=allowed"]);
    const { response, details } = proxy.request({ headers: user });
    expect(response).toMatchObject({ status: 429, body: "" });
    expect(details).toBe("rate_limited{user}");
    expect(response?.headers).toContainEqual(["retry-after", "20"]);
    expect(response?.headers).toContainEqual(["ratelimit", '"user";r=0;t=20, "all";r=2;t=1']);
    expect(response?.headers).toContainEqual(["x-why", "user;outcome=limited"]);
  });
});

describe("a response", () => {
  test("has the older fields of the rule with the least remaining", () => {
    const proxy = proxyOf({
      headers: "x-ratelimit",
      rules: [
        { name: "a", local: { limit: 100, unit: "minute" } },
        { name: "b", local: { limit: 10, unit: "minute" } },
        { name: "c", match: { path: { exact: "/other" } }, local: { limit: 1, unit: "minute" } },
        { name: "d", shadow: true, local: { limit: 1, unit: "minute" } },
      ],
    });
    const { response } = proxy.request();
    expect(response?.headers).toEqual(
      expect.arrayContaining([
        ["x-ratelimit-limit", "10"],
        ["x-ratelimit-remaining", "9"],
        ["x-ratelimit-reset", "6"],
      ]),
    );
  });

  test("that refuses is what the configuration says, also for a gRPC client", () => {
    const proxy = proxyOf({
      answer: { status: 503, body: "<p>slow down</p>", contentType: "text/html", grpcStatus: 14 },
      rules: [{ name: "r", cost: { fixed: 2 }, local: { limit: 1, unit: "minute" } }],
    });
    const { response } = proxy.request();
    expect(response).toMatchObject({ status: 503, body: "<p>slow down</p>" });
    expect(response?.headers).toContainEqual(["content-type", "text/html"]);
    const grpc = proxy.request({ headers: [["content-type", "application/grpc"]] });
    expect(grpc.response?.headers).toContainEqual(["grpc-status", "14"]);
  });

  test("says when more will be available, and does not when everything is", () => {
    const proxy = proxyOf({
      headers: "ietf",
      rules: [{ name: "r", cost: { header: "x-cost" }, local: { limit: 60, unit: "hour", burst: 4 } }],
    });
    const asked = (cost: number) => header(proxy, "ratelimit", [["x-cost", String(cost)]]);
    expect(asked(0)).toEqual(['"r";r=4']);
    expect(asked(3)).toEqual(['"r";r=1;t=60']);
    proxy.advance(45_000);
    expect(asked(0)).toEqual(['"r";r=1;t=15']);
    const { response } = proxy.request({ headers: [["x-cost", "4"]] });
    expect(response?.headers).toContainEqual(["ratelimit", '"r";r=1;t=15']);
    expect(response?.headers).toContainEqual(["retry-after", "135"]);
  });

  test("to a request that costs more than the burst does not say when to retry, because it never passes", () => {
    const proxy = proxyOf({
      rules: [{ name: "r", cost: { fixed: 3 }, local: { limit: 2, unit: "minute" } }],
    });
    const { response } = proxy.request();
    expect(response?.status).toBe(429);
    expect(response?.headers.map(([name]) => name)).not.toContain("retry-after");
  });

  test("has RESOURCE_EXHAUSTED and a message for a gRPC client by default", () => {
    const proxy = proxyOf({ rules: [{ name: "r", local: { limit: 1, unit: "minute" } }] });
    passing(proxy, 1);
    const grpc: HeaderList = [["content-type", "application/grpc"]];
    expect(header(proxy, "grpc-status", grpc)).toEqual(["8"]);
    expect(header(proxy, "grpc-message", grpc)).toEqual(["rate limited"]);
  });

  test("that refuses keeps the caller's Envoy from a retry, and one that passes does not", () => {
    const proxy = proxyOf({ rules: [{ name: "r", local: { limit: 1, unit: "minute" } }] });
    expect(header(proxy, "x-envoy-ratelimited")).toEqual([]);
    expect(header(proxy, "x-envoy-ratelimited")).toEqual(["true"]);
    expect(header(proxy, "x-envoy-ratelimited", [["content-type", "application/grpc"]])).toEqual(["true"]);
  });
});
