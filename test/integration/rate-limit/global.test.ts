// rate-limit in stock Envoy with a rate limit service: what the service is asked, and what its
// answers do. global-failure.test.ts tests what happens without an answer.

import http from "node:http";
import http2 from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials, makeGenericClientConstructor, type ServiceError } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { allow, countingTo } from "../../support/rate-limit-service.js";
import {
  GlobalLimitBench,
  globalConfig,
  perUser,
  startGlobalLimitEnvoy,
  user,
} from "./global-limit-envoy.js";

/** For results that are expected soon, also on a busy machine. */
const PATIENT = { timeout: 10_000 };

const bench = new GlobalLimitBench("global");

describe("the service is asked", () => {
  test("about the domain and a descriptor of the key's parts, under their own names or those of the rule", async () => {
    await bench.only({
      key: [
        { header: "x-user" },
        { query: "q" },
        { pathSegment: 0, as: "version" },
        { method: true },
        { value: "all", as: "who" },
      ],
    });
    const start = bench.service.questions.length;
    expect(await bench.limited.send({ path: "/v1/users?q=a%20b", headers: user("ann") })).toMatchObject({
      status: 200,
    });
    expect(bench.questionsSince(start)).toEqual([
      {
        domain: "shop",
        descriptors: [
          {
            entries: [
              ["header", "ann"],
              ["query", "a b"],
              ["version", "v1"],
              ["method", "GET"],
              ["who", "all"],
            ],
          },
        ],
        hitsAddend: 0,
      },
    ]);
  });

  test("once for all rules of a request, each with its limit and its cost", async () => {
    const [a, b, c] = [bench.newName(), bench.newName(), bench.newName()];
    await bench.limited.configure(
      globalConfig([
        perUser(a, { global: { limitOverride: { limit: 300, unit: "hour" } } }),
        perUser(b, { cost: { header: "x-cost" } }),
        perUser(c, { match: { path: { exact: "/elsewhere" } } }),
      ]),
    );
    const start = bench.service.questions.length;
    expect(
      await bench.limited.send({
        headers: [
          ["x-user", "ann"],
          ["x-cost", "7"],
        ],
      }),
    ).toMatchObject({ status: 200 });
    expect(bench.questionsSince(start).map(({ descriptors }) => descriptors)).toEqual([
      [
        { entries: [["user", "ann"]], limit: { requestsPerUnit: 300, unit: "hour" } },
        { entries: [["user", "ann"]], hitsAddend: 7 },
      ],
    ]);
    expect(await bench.limited.outcomes(a)).toEqual({ allowed: 1 });
    expect(await bench.limited.outcomes(b)).toEqual({ allowed: 1 });
    expect(await bench.limited.outcomes(c)).toEqual({});
  });

  test("in UTF-8 whatever a client sends, and with a hash for a long value", async () => {
    await bench.only();
    const start = bench.service.questions.length;
    for (const value of [
      "\xff\xc0\xaf",
      "gr\xc3\xb6\xc3\x9fe",
      "x".repeat(1024),
      "x".repeat(1025),
      "x".repeat(300_000),
    ]) {
      expect(await bench.limited.send({ headers: user(value) })).toMatchObject({ status: 200 });
    }
    const values = bench.questionsSince(start).map(({ descriptors }) => descriptors[0]?.entries[0]?.[1]);
    expect(values).toEqual([
      "\ufffd\ufffd\ufffd",
      "größe",
      "x".repeat(1024),
      expect.stringMatching(/^siphash:[0-9a-f]{32}$/),
      expect.stringMatching(/^siphash:[0-9a-f]{32}$/),
    ]);
    expect(values[3]).not.toBe(values[4]);
  });

  test.each([
    ["share", 200, 1],
    ["skip", 200, 0],
    ["deny", 429, 0],
  ] as const)("about a request without the key as `missing: %s` says", async (missing, status, asked) => {
    await bench.only({ missing });
    const start = bench.service.questions.length;
    expect((await bench.limited.send()).status).toBe(status);
    expect(bench.questionsSince(start)).toHaveLength(asked);
  });

  test("while the whole body of the request waits, which then continues", async () => {
    await bench.only();
    bench.service.respond = (question) => ({ ...allow(question), delayMs: 50 });
    const body = ["a".repeat(100_000), "b".repeat(100_000)];
    for (const protocol of ["http1", "http2"] as const) {
      expect(
        await bench.limited.send({ protocol, method: "POST", headers: user("ann"), body }),
      ).toMatchObject({
        status: 200,
      });
      expect(bench.limited.upstream.requests.at(-1)?.body).toBe(body.join(""));
    }
  });

  test("before a body continues, also when Envoy sends on the body while the headers are held", async () => {
    await using other = await startGlobalLimitEnvoy(bench.service, { allowOnHeadersStopIteration: true });
    await other.configure(globalConfig([perUser(bench.newName())]));
    bench.service.respond = (question) => ({ ...allow(question), delayMs: 50 });
    const request = { method: "POST", headers: user("ann"), body: ["a".repeat(100_000), "b"] };
    expect(await other.send(request)).toMatchObject({ status: 200 });
    bench.service.respond = () => ({ statuses: [{ over: true }], delayMs: 50 });
    expect(await other.send(request)).toMatchObject({ status: 429 });
    expect(other.upstream.requests.map(({ body }) => body.length)).toEqual([100_001]);
  });

  test("no more once the client has left: the call is cancelled", async () => {
    await bench.only();
    bench.service.respond = () => ({ fault: "never" });
    const { cancelled } = bench.service;
    const start = bench.service.questions.length;
    const request = http.get(bench.limited.envoy.url, { headers: { "x-user": "ann" }, agent: false });
    request.on("error", () => {});
    await expect.poll(() => bench.questionsSince(start).length, PATIENT).toBe(1);
    request.destroy();
    await expect.poll(() => bench.service.cancelled, PATIENT).toBe(cancelled + 1);
    bench.service.respond = allow;
    expect((await bench.limited.send({ headers: user("ann") })).status).toBe(200);
  });
});

describe.each(["http1", "http2"] as const)("an answer, over %s", (protocol) => {
  test("refuses what is over, with the service's headers and body", async () => {
    const name = await bench.only();
    const responseHeaders = [
      ["RateLimit-Limit", "3"],
      ["content-type", "application/json"],
    ] as const;
    bench.service.respond = () => ({ statuses: [{ over: true }], responseHeaders, body: '{"over":true}' });
    const reached = bench.limited.upstream.requests.length;
    const refused = await bench.limited.send({ protocol, headers: user("ann") });
    expect(refused).toMatchObject({ status: 429, body: '{"over":true}' });
    expect(refused.header("ratelimit-limit")).toBe("3");
    expect(refused.headers.filter(([key]) => key === "content-type")).toEqual([
      ["content-type", "application/json"],
    ]);
    expect(bench.limited.upstream.requests).toHaveLength(reached);
    expect(await bench.limited.outcomes(name)).toEqual({ limited: 1 });
    const last = async () => (await bench.limited.envoy.accessLog()).at(-1);
    await expect.poll(last, PATIENT).toMatchObject({ status: 429, details: `rate_limited{${name}}` });
  });

  test("gives upstream and client the headers that the service adds, except those that would break a message", async () => {
    await bench.only();
    bench.service.respond = () => ({
      statuses: [{}],
      requestHeaders: [
        ["X-Tier", "gold"],
        ["content-length", "7"],
        [":path", "/admin"],
        ["bad name", "x"],
        ["x-split", "a\r\nx-evil: b"],
        ["", "x"],
      ],
      responseHeaders: [
        ["RateLimit-Remaining", "2"],
        ["transfer-encoding", "gzip"],
        ["content-type", "text/evil"],
        ["x-split", "a\nb"],
      ],
    });
    const passed = await bench.limited.send({ protocol, path: "/orders", headers: user("ann") });
    expect(passed.status).toBe(200);
    expect(passed.header("ratelimit-remaining")).toBe("2");
    expect(passed.header("x-split")).toBeUndefined();
    expect(passed.header("content-type")).toBe("application/json");
    const seen = bench.limited.upstream.requests.at(-1);
    expect(seen?.path).toBe("/orders");
    expect(seen?.header("x-tier")).toBe("gold");
    for (const name of ["content-length", "bad name", "x-split", "x-evil"])
      expect(seen?.header(name)).toBeUndefined();
  });
});

test("an answer that arrives after Envoy's own has no effect", async () => {
  await using impatient = await startGlobalLimitEnvoy(bench.service, {}, { requestTimeoutSeconds: 0.3 });
  const name = bench.newName();
  await impatient.configure(globalConfig([perUser(name)]));
  bench.service.respond = () => ({ statuses: [{ over: true }], body: "late", delayMs: 900 });
  // The client has no room for the 408's body, so its stream does not end with it.
  const session = http2.connect(impatient.envoy.url, { settings: { initialWindowSize: 0 } });
  try {
    const stream = session.request({ ":method": "POST", "x-user": "ann" });
    stream.on("error", () => {});
    const headers = await new Promise<http2.IncomingHttpHeaders>((resolve) => stream.on("response", resolve));
    expect(headers[":status"]).toBe(408);
    await sleep(1_000);
  } finally {
    session.destroy();
  }
  bench.service.respond = allow;
  expect((await impatient.send()).status).toBe(200);
  expect(await impatient.outcomes(name)).toEqual({ allowed: 1 });
});

describe("an answer", () => {
  test("says of each rule whether it is over, and a rule that is over refuses", async () => {
    const [a, b] = [bench.newName(), bench.newName()];
    await bench.limited.configure(globalConfig([perUser(a), perUser(b)], {}, { explainHeader: "x-explain" }));
    bench.service.respond = () => ({ statuses: [{}, { over: true }] });
    const refused = await bench.limited.send({ headers: user("ann") });
    expect(refused.status).toBe(429);
    expect(refused.header("x-explain")).toContain(`${b};outcome=limited`);
    expect(await bench.limited.outcomes(b)).toEqual({ limited: 1 });
  });

  test("follows the overall code when the descriptors contradict it, or there are none", async () => {
    await bench.only();
    bench.service.respond = () => ({ over: false, statuses: [{ over: true }] });
    expect((await bench.limited.send({ headers: user("ann") })).status).toBe(200);
    bench.service.respond = () => ({ over: true });
    expect((await bench.limited.send({ headers: user("ann") })).status).toBe(429);
    bench.service.respond = () => ({ over: false });
    expect((await bench.limited.send({ headers: user("ann") })).status).toBe(200);
  });

  test("has no effect when the rule is in shadow mode, and is counted", async () => {
    const name = await bench.only({ shadow: true });
    bench.service.respond = countingTo(2);
    for (let i = 0; i < 5; i++) expect((await bench.limited.send({ headers: user("ann") })).status).toBe(200);
    expect(await bench.limited.outcomes(name)).toEqual({ "shadow-allowed": 2, "shadow-limited": 3 });
  });

  test("reaches a gRPC client as RESOURCE_EXHAUSTED", async () => {
    await bench.only();
    bench.service.respond = () => ({ statuses: [{ over: true }] });
    const Client = makeGenericClientConstructor({}, "test.Shop");
    const client = new Client(new URL(bench.limited.envoy.url).host, credentials.createInsecure());
    const bytes = (value: Buffer) => value;
    const error = await new Promise<ServiceError | null>((resolve) => {
      client.makeUnaryRequest("/test.Shop/Buy", bytes, bytes, Buffer.alloc(0), (failure) => resolve(failure));
    });
    client.close();
    expect(error?.code).toBe(8);
  });

  test("is exact for 500 requests at once, and the service is asked once about each", async () => {
    const name = await bench.only();
    bench.service.respond = countingTo(200);
    const start = bench.service.questions.length;
    const reached = bench.limited.upstream.requests.length;
    expect(await bench.limited.statuses(500, { headers: user("many") })).toEqual({ 200: 200, 429: 300 });
    expect(bench.questionsSince(start)).toHaveLength(500);
    expect(bench.limited.upstream.requests.length - reached).toBe(200);
    expect(await bench.limited.outcomes(name)).toEqual({ allowed: 200, limited: 300 });
  });
});

describe("a configuration that changes while calls are open", () => {
  test("loses no request: each gets the answer of the service that it asked", async () => {
    const before = await bench.only();
    bench.service.respond = (question) => ({ ...allow(question), delayMs: 1_000 });
    const start = bench.service.questions.length;
    const underWay = bench.limited.statuses(50, { headers: user("ann") });
    await expect.poll(() => bench.questionsSince(start).length, PATIENT).toBe(50);
    const after = await bench.only();
    bench.service.respond = () => ({ statuses: [{ over: true }] });
    expect(await bench.limited.statuses(5, { headers: user("ann") })).toEqual({ 429: 5 });
    expect(await underWay).toEqual({ 200: 50 });
    expect(await bench.limited.outcomes(before)).toEqual({ allowed: 50 });
    expect(await bench.limited.outcomes(after)).toEqual({ limited: 5 });
  });
});
