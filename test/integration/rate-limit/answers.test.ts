// rate-limit in stock Envoy: what a client is told when it is refused, and when it is not.

import { setTimeout as sleep } from "node:timers/promises";
import {
  type ClientReadableStream,
  credentials,
  Metadata,
  makeGenericClientConstructor,
  status,
} from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RateLimitConfig } from "../../../filters/rate-limit/schema.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startGrpcUpstream } from "../../../kit/envoy/grpc-upstream.js";
import { startUpstream } from "../../../kit/envoy/upstream.js";
import type { ClientResponse } from "../../../kit/traffic.js";
import { type LimitEnvoy, type LimitRule, startLimitEnvoy } from "./limit-envoy.js";

const PROTOCOLS = ["http1", "http2"] as const;
/** Headers with which an upstream reports limits of its own, and forges this filter's header. */
const UPSTREAM_SAYS: [string, string][] = [
  ["ratelimit", "forged"],
  ["ratelimit-policy", "forged"],
  ["x-ratelimit-limit", "forged"],
  ["x-ratelimit-remaining", "forged"],
  ["x-ratelimit-reset", "forged"],
  ["x-explain", "forged"],
];

let limited: LimitEnvoy;
let names = 0;

beforeAll(async () => {
  const upstream = await startUpstream({ respond: () => ({ headers: UPSTREAM_SAYS, body: "ok" }) });
  limited = await startLimitEnvoy({ upstream });
});
afterAll(() => limited?.[Symbol.asyncDispose]());
beforeEach(() => {
  showLogsOnFailure(limited.envoy);
});

const newName = () => `answer-${names++}`;

async function limitTo(
  local: LimitRule["local"],
  more: Omit<RateLimitConfig, "rules"> = {},
): Promise<string> {
  const name = newName();
  await limited.configure({ ...more, rules: [{ name, ...(local ? { local } : {}) }] });
  return name;
}

/** All values of a header, joined as a list. */
const all = ({ headers }: ClientResponse, name: string) =>
  headers
    .filter(([key]) => key.toLowerCase() === name)
    .map(([, value]) => value)
    .join(", ");

describe.each(PROTOCOLS)("a refusal over %s", (protocol) => {
  test("is 429 with Retry-After, without a body, and the details name the rule", async () => {
    const before = (await limited.envoy.accessLog()).length;
    const name = await limitTo({ limit: 6, unit: "hour", burst: 1 });
    expect((await limited.request({ protocol })).status).toBe(200);
    const refused = await limited.request({ protocol });
    expect(refused).toMatchObject({ status: 429, body: "" });
    // Ten minutes for each, of which less than two seconds have passed.
    expect(["599", "600"]).toContain(refused.header("retry-after"));
    const [, entry] = (await limited.envoy.accessLog(before + 2)).slice(before);
    expect(entry).toMatchObject({ status: 429, details: `rate_limited{${name}}` });
  });

  test("has the status, the body and the content type that the configuration gives it", async () => {
    const body = '{"error":"too many, \u00e4"}';
    const answer = { status: 503, body, contentType: "application/json" };
    await limitTo({ limit: 1, unit: "hour" }, { answer });
    await limited.request({ protocol });
    const refused = await limited.request({ protocol });
    expect(refused).toMatchObject({ status: 503, body });
    expect(refused.header("content-type")).toBe("application/json");
    expect(Number(refused.header("retry-after"))).toBeGreaterThan(3590);
  });

  test("never reaches the upstream, not even with a body", async () => {
    await limitTo({ limit: 1, unit: "hour" });
    const before = limited.upstream.requests.length;
    expect(await limited.statuses(3, { protocol, body: "x".repeat(100_000) })).toEqual([200, 429, 429]);
    expect(limited.upstream.requests.length).toBe(before + 1);
  });
});

describe("Retry-After", () => {
  test("is right: no request passes before it, and one passes after it", async () => {
    await limitTo({ limit: 20, unit: "minute", burst: 1 });
    const began = performance.now();
    expect(await limited.statuses(1)).toEqual([200]);
    const refused = await limited.request();
    const seconds = Number(refused.header("retry-after"));
    expect(refused.status).toBe(429);
    expect(seconds).toBe(3);
    while (performance.now() - began < 2800) {
      const { status: early } = await limited.request();
      // A request that was delayed may have arrived after the three seconds.
      if (performance.now() - began < 3000) expect(early).toBe(429);
      await sleep(200);
    }
    await sleep(seconds * 1000 - (performance.now() - began) + 50);
    expect(await limited.statuses(2)).toEqual([200, 429]);
  });

  test("is at least one", async () => {
    await limitTo({ limit: 4, unit: "second", burst: 1 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => limited.request()));
    const refused = answers.filter((answer) => answer.status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) expect(answer.header("retry-after")).toBe("1");
  });

  test("of several rules is the longest of those that refuse", async () => {
    const [minute, hour] = [newName(), newName()];
    await limited.configure({
      rules: [
        { name: hour, local: { limit: 1, unit: "hour" } },
        { name: minute, local: { limit: 1, unit: "minute" } },
      ],
    });
    const before = (await limited.envoy.accessLog()).length;
    await limited.request();
    expect(Number((await limited.request()).header("retry-after"))).toBeGreaterThan(3590);
    const entries = await limited.envoy.accessLog(before + 2);
    expect(entries.at(-1)).toMatchObject({ details: `rate_limited{${hour}}` });
  });
});

describe("headers of the limits", () => {
  test("are IETF's fields, on requests that pass and on refusals, and never the upstream's", async () => {
    const name = await limitTo({ limit: 4, unit: "hour" }, { headers: "ietf" });
    for (const [i, remaining] of [3, 2, 1, 0, 0].entries()) {
      const answer = await limited.request();
      expect(answer.status).toBe(i < 4 ? 200 : 429);
      expect(all(answer, "ratelimit-policy")).toBe(`"${name}";q=4;w=3600`);
      const [, left, more] = /^"(?:.+)";r=(\d+);t=(\d+)$/.exec(all(answer, "ratelimit")) ?? [];
      expect(Number(left)).toBe(remaining);
      // One more is available every fifteen minutes, and the client must not be told to retry
      // before that.
      expect(Number(more)).toBeGreaterThan(880);
      expect(Number(more)).toBeLessThanOrEqual(900);
      if (i === 4) expect(answer.header("retry-after")).toBe(more);
      expect(all(answer, "ratelimit").startsWith(`"${name}";`)).toBe(true);
      // A header that the filter does not write stays the upstream's.
      if (i < 4) expect(all(answer, "x-ratelimit-limit")).toBe("forged");
    }
  });

  test("of several rules list all rules that counted", async () => {
    const [minute, hour, never] = [newName(), newName(), newName()];
    await limited.configure({
      headers: "ietf",
      rules: [
        { name: minute, local: { limit: 5, unit: "minute" } },
        { name: never, match: { method: "POST" }, local: { limit: 7, unit: "day" } },
        { name: hour, local: { limit: 90, unit: "hour", burst: 10 } },
      ],
    });
    const answer = await limited.request();
    expect(all(answer, "ratelimit-policy")).toContain(`"${minute}";q=5;w=60`);
    expect(all(answer, "ratelimit-policy")).toContain(`"${hour}";q=90;w=3600`);
    expect(all(answer, "ratelimit-policy")).not.toContain(never);
    expect(all(answer, "ratelimit")).toMatch(new RegExp(`"${minute}";r=4;t=\\d+, "${hour}";r=9;t=\\d+`));
  });

  test("are the X-RateLimit family for the rule with the least remaining", async () => {
    await limited.configure({
      headers: "x-ratelimit",
      rules: [
        { name: newName(), local: { limit: 9, unit: "hour" } },
        { name: newName(), local: { limit: 3, unit: "hour" } },
      ],
    });
    for (const remaining of ["2", "1", "0", "0"]) {
      const answer = await limited.request();
      expect(all(answer, "x-ratelimit-limit")).toBe("3");
      expect(all(answer, "x-ratelimit-remaining")).toBe(remaining);
      expect(all(answer, "x-ratelimit-reset")).toMatch(/^[1-9]\d{0,3}$/);
      if (answer.status === 200) expect(all(answer, "ratelimit")).toBe("forged");
    }
  });

  test("are absent when the configuration asks for none, or no rule counted", async () => {
    await limitTo({ limit: 2, unit: "hour" });
    expect(all(await limited.request(), "ratelimit")).toBe("forged");
    await limited.configure({
      headers: "ietf",
      rules: [{ name: newName(), match: { method: "POST" }, local: { limit: 2, unit: "hour" } }],
    });
    expect(["", "forged"]).toContain(all(await limited.request(), "ratelimit"));
  });
});

describe("the explanation", () => {
  test("names the rules that decided and their outcomes, also in shadow mode, and is never the upstream's", async () => {
    const [first, shadow, other] = [newName(), newName(), newName()];
    await limited.configure({
      explainHeader: "x-explain",
      rules: [
        { name: shadow, shadow: true, local: { limit: 1, unit: "hour" } },
        { name: first, local: { limit: 2, unit: "hour" } },
        { name: other, match: { method: "POST" }, local: { limit: 2, unit: "hour" } },
      ],
    });
    const said: string[] = [];
    for (let i = 0; i < 3; i++) said.push(all(await limited.request(), "x-explain"));
    expect(said).toEqual([
      `${shadow};outcome=shadow-allowed, ${first};outcome=allowed`,
      `${shadow};outcome=shadow-limited, ${first};outcome=allowed`,
      `${shadow};outcome=shadow-limited, ${first};outcome=limited`,
    ]);
    await limited.configure({ explainHeader: "x-explain", rules: [] });
    expect(all(await limited.request(), "x-explain")).toBe("");
  });
});

describe("a gRPC client", () => {
  const Client = makeGenericClientConstructor(
    {
      say: {
        path: "/test.Echo/Say",
        requestStream: false,
        responseStream: true,
        requestSerialize: (message: Buffer) => message,
        requestDeserialize: (message: Buffer) => message,
        responseSerialize: (message: Buffer) => message,
        responseDeserialize: (message: Buffer) => message,
      },
    },
    "Echo",
  );

  /** The code, the message and the metadata at the end of one call. */
  async function call(port: number) {
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    try {
      const say = (client as unknown as Record<string, (...args: unknown[]) => ClientReadableStream<Buffer>>)
        .say;
      const stream = say?.call(client, Buffer.from("hello"), new Metadata());
      const messages: string[] = [];
      stream?.on("data", (message: Buffer) => messages.push(message.toString()));
      stream?.on("error", () => {});
      const ended = await new Promise<{ code: number; metadata: Metadata }>((resolve) => {
        stream?.on("status", resolve);
      });
      return { code: ended.code, metadata: ended.metadata.getMap(), messages };
    } finally {
      client.close();
    }
  }

  test("gets RESOURCE_EXHAUSTED, or the configured status, and Retry-After", async () => {
    const upstream = await startGrpcUpstream({
      "/test.Echo/Say": async ({ messages, send, end }) => {
        for await (const message of messages) send(message);
        end(0);
      },
    });
    await using grpc = await startLimitEnvoy({ upstream });
    const rule = (): LimitRule => ({ name: newName(), local: { limit: 1, unit: "hour" } });
    await grpc.rules(rule());
    expect(await call(grpc.envoy.port)).toMatchObject({ code: status.OK, messages: ["hello"] });
    const refused = await call(grpc.envoy.port);
    expect(refused).toMatchObject({ code: status.RESOURCE_EXHAUSTED, messages: [] });
    expect(Number(refused.metadata["retry-after"])).toBeGreaterThan(3590);
    await grpc.configure({ answer: { grpcStatus: 14 }, rules: [rule()] });
    expect((await call(grpc.envoy.port)).code).toBe(status.OK);
    expect((await call(grpc.envoy.port)).code).toBe(status.UNAVAILABLE);
  });
});
