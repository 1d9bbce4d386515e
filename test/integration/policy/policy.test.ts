// Each part of a service's traffic policy, as what clients and instances see of it.

import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { runLoad } from "../../support/load.js";
import { bodies, PolicyMesh, startInstance, type TestInstance, tally, WAIT } from "./policy-mesh.js";

const TEST_MS = 120_000;

let instances: readonly TestInstance[];
let mesh: PolicyMesh;

const [a, b, c] = [0, 1, 2].map((i) => () => instances[i] as TestInstance) as [
  () => TestInstance,
  () => TestInstance,
  () => TestInstance,
];

function meshFile(policy: string): string {
  const urls = instances.map(({ upstream }) => `"http://127.0.0.1:${upstream.port}"`).join(", ");
  return [
    "name: policy",
    "gateway: { routes: [{ prefix: /, service: s }] }",
    "services:",
    "  s:",
    `    versions: { v1: { urls: [${urls}] } }`,
    ...policy.split("\n").map((line) => `    ${line}`),
  ].join("\n");
}

beforeAll(async () => {
  instances = await Promise.all(["a", "b", "c"].map((name) => startInstance(name)));
  mesh = await PolicyMesh.start(meshFile, "timeout: 30s");
}, TEST_MS);
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  await Promise.all((instances ?? []).map(({ upstream }) => upstream[Symbol.asyncDispose]()));
});
beforeEach(() => {
  for (const each of instances) each.respond = () => ({ body: each.upstream.name });
});

const fail =
  (status = 503) =>
  () => ({ status, body: "failed" });
const requests = (instance: TestInstance) => instance.upstream.requests.length;

describe("several instances", () => {
  test("get the requests in turn", async () => {
    await mesh.apply("loadBalancer: { policy: roundRobin }");
    expect(tally(await bodies(mesh, 30))).toEqual({ "200 a": 10, "200 b": 10, "200 c": 10 });
  });
});

describe("load balancing", () => {
  test("at random reaches all, and not in turn", { timeout: TEST_MS }, async () => {
    await mesh.apply("loadBalancer: { policy: random }");
    const seen = await bodies(mesh, 60);
    expect(Object.keys(tally(seen))).toHaveLength(3);
    expect(seen.some((body, i) => body === seen[i + 1])).toBe(true);
  });

  test("by least requests leaves an instance alone that is busy", { timeout: TEST_MS }, async () => {
    await mesh.apply("loadBalancer: { policy: leastRequest, choiceCount: 20 }");
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    b().respond = async () => {
      await held;
      return { body: "b" };
    };
    // Each that comes to b stays there, so the later ones go elsewhere.
    const waiting: Promise<Response>[] = [];
    const before = requests(b());
    while (requests(b()) < before + 1) {
      const asked = mesh.get();
      waiting.push(asked);
      let isOver = false;
      void asked.then(() => {
        isOver = true;
      });
      // With two of them under way Envoy could send both to b.
      await vi.waitFor(() => expect(isOver || requests(b()) > before).toBe(true), WAIT);
    }
    const seen = tally(await bodies(mesh, 40));
    expect(seen["200 b"] ?? 0).toBe(0);
    release();
    await Promise.all(waiting.map(async (each) => (await each).text()));
  });

  test.each(["ringHash", "maglev"])(
    "%s sends a header's value to one instance",
    { timeout: TEST_MS },
    async (policy) => {
      await mesh.apply(`loadBalancer: { policy: ${policy}, hashPolicy: [{ header: x-user }] }`);
      const users = (i: number) => ({ "x-user": `user-${i % 30}` });
      const seen = await bodies(mesh, 60, users);
      expect(seen.slice(30)).toEqual(seen.slice(0, 30));
      expect(Object.keys(tally(seen))).toHaveLength(3);
    },
  );

  test("by a cookie that Envoy makes keeps a client where it is", { timeout: TEST_MS }, async () => {
    await mesh.apply(
      'loadBalancer: { policy: ringHash, hashPolicy: [{ cookie: { name: place, ttl: 10m, path: "/" } }] }',
    );
    const first = await mesh.get();
    const where = await first.text();
    const [cookie = ""] = first.headers.getSetCookie();
    expect(cookie).toMatch(/^place="?[^;"]+"?; Max-Age=600; Path=\/; HttpOnly/);
    const headers = { cookie: cookie.split(";")[0] ?? "" };
    expect(tally(await bodies(mesh, 12, () => headers))).toEqual({ [`200 ${where}`]: 12 });
    expect((await mesh.get("/", headers)).headers.getSetCookie()).toEqual([]);
  });

  test("by the client's address sends one client to one instance", { timeout: TEST_MS }, async () => {
    await mesh.apply("loadBalancer: { policy: maglev, hashPolicy: [{ sourceAddress: true }] }");
    expect(Object.values(tally(await bodies(mesh, 12)))).toEqual([12]);
  });
});

describe("outlier detection", () => {
  test("ejects an instance after as many errors in a row, and no more than the share", {
    timeout: TEST_MS,
  }, async () => {
    await mesh.apply(
      "outlierDetection: { consecutive5xxErrors: 4, baseEjectionTime: 1h, maxEjectionTime: 1h }",
    );
    const before = requests(b());
    b().respond = fail(500);
    const seen = tally(await bodies(mesh, 60));
    expect(seen["500 failed"]).toBe(4);
    expect(requests(b()) - before).toBe(4);
    expect(await mesh.stat("outlier_detection.ejections_enforced_consecutive_5xx")).toBe(1);
    // Of three, half are one.
    c().respond = fail(500);
    const later = tally(await bodies(mesh, 20));
    expect(later["500 failed"]).toBe(10);
    expect(await mesh.stat("outlier_detection.ejections_overflow")).toBeGreaterThan(0);
  });

  test("takes it back when its time is over", { timeout: TEST_MS }, async () => {
    await mesh.apply(
      "outlierDetection: { consecutive5xxErrors: 1, interval: 100ms, baseEjectionTime: 100ms }",
    );
    b().respond = fail(500);
    await vi.waitFor(async () => {
      await bodies(mesh, 3);
      expect(await mesh.stat("outlier_detection.ejections_enforced_total")).toBeGreaterThan(1);
    }, WAIT);
    b().respond = () => ({ body: "b" });
    await vi.waitFor(
      async () => expect(tally(await bodies(mesh, 9))).toEqual({ "200 a": 3, "200 b": 3, "200 c": 3 }),
      WAIT,
    );
  });

  test("by gateway errors lets a 500 pass", { timeout: TEST_MS }, async () => {
    await mesh.apply(
      "outlierDetection: { consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, baseEjectionTime: 1h, maxEjectionTime: 1h }",
    );
    b().respond = fail(500);
    expect(tally(await bodies(mesh, 30))["500 failed"]).toBe(10);
    b().respond = fail(503);
    expect(tally(await bodies(mesh, 30))["503 failed"]).toBe(2);
  });
});

describe("the connection pool", () => {
  test("refuses what exceeds it, and counts it", { timeout: TEST_MS }, async () => {
    await mesh.apply("connectionPool: { maxRequests: 2, maxPendingRequests: 100 }");
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    for (const each of instances) {
      each.respond = async () => {
        await held;
        return {};
      };
    }
    const two = [mesh.get(), mesh.get()];
    await vi.waitFor(async () => expect(await mesh.stat("upstream_rq_active")).toBe(2), WAIT);
    const before = await mesh.stat("upstream_rq_active_overflow");
    expect(tally(await bodies(mesh, 5))).toEqual({ [`503 ${OVERFLOW}`]: 5 });
    expect(await mesh.stat("upstream_rq_active_overflow")).toBe(before + 5);
    release();
    expect((await Promise.all(two)).map(({ status }) => status)).toEqual([200, 200]);
  });

  test("closes a connection after so many requests", { timeout: TEST_MS }, async () => {
    await mesh.apply("connectionPool: { maxRequestsPerConnection: 1 }");
    const before = await mesh.stat("upstream_cx_total");
    await bodies(mesh, 12);
    expect(await mesh.stat("upstream_cx_total")).toBe(before + 12);
  });

  test("bounds the connections to each instance", { timeout: TEST_MS }, async () => {
    await mesh.apply("connectionPool: { maxConnectionsPerHost: 1 }");
    const before = await mesh.stat("upstream_cx_total");
    const load = await runLoad({ port: mesh.port, connections: 12, requests: 300, forMs: 60_000 });
    expect(load.statuses).toEqual({ 200: 300 });
    expect((await mesh.stat("upstream_cx_total")) - before).toBeLessThanOrEqual(3);
  });
});

const OVERFLOW = "upstream connect error or disconnect/reset before headers. reset reason: overflow";

describe("retries", () => {
  test("go to another instance than the one that failed", { timeout: TEST_MS }, async () => {
    await mesh.apply("retries: { on: [5xx], backOff: { base: 1ms, max: 2ms } }");
    b().respond = fail();
    const before = [requests(a()), requests(b()), requests(c())];
    expect(tally(await bodies(mesh, 60))["503 failed"]).toBeUndefined();
    const [, failed = 0] = [requests(a()), requests(b()), requests(c())].map(
      (now, i) => now - (before[i] ?? 0),
    );
    expect(failed).toBeGreaterThan(10);
    expect(await mesh.stat("upstream_rq_retry_success")).toBeGreaterThanOrEqual(failed);
  });

  test("are for the named headers, statuses and words alone", { timeout: TEST_MS }, async () => {
    await mesh.apply(
      "retries: { on: [429], attempts: 3, retriableHeaders: [{ name: x-state, exact: busy }], backOff: { base: 1ms, max: 1ms } }",
    );
    const attempts = async (response: object) => {
      let count = 0;
      for (const each of instances) {
        each.respond = () => {
          count += 1;
          return response;
        };
      }
      await (await mesh.get()).text();
      return count;
    };
    expect(await attempts({ status: 429 })).toBe(4);
    expect(await attempts({ status: 503 })).toBe(1);
    expect(await attempts({ status: 200, headers: [["x-state", "busy"]] })).toBe(4);
    expect(await attempts({ status: 200, headers: [["x-state", "idle"]] })).toBe(1);
  });

  test("wait as the file says", { timeout: TEST_MS }, async () => {
    await mesh.apply("retries: { on: [5xx], attempts: 2, backOff: { base: 1h, max: 1h } }\ntimeout: 1s");
    // Two waits of up to an hour do not fit: the timeout ends them, after the first attempt.
    for (const each of instances) each.respond = fail();
    const before = instances.map(requests).reduce((sum, each) => sum + each, 0);
    expect(tally(await bodies(mesh, 3))["504 upstream request timeout"]).toBeGreaterThanOrEqual(2);
    expect(instances.map(requests).reduce((sum, each) => sum + each, 0) - before).toBeLessThanOrEqual(4);
  });

  test("end an attempt that brings nothing, and another instance answers", { timeout: TEST_MS }, async () => {
    await mesh.apply(
      "retries: { on: [reset, 504], perTryIdleTimeout: 200ms, backOff: { base: 1ms, max: 1ms } }",
    );
    b().respond = () => ({ fault: "never" });
    const seen = tally(await bodies(mesh, 12));
    expect(Object.keys(seen).every((key) => ["200 a", "200 c"].includes(key))).toBe(true);
    expect(await mesh.stat("upstream_rq_per_try_idle_timeout")).toBeGreaterThan(0);
  });

  test("hide an upstream that breaks off every tenth connection", { timeout: TEST_MS }, async () => {
    await mesh.apply("retries: { on: [reset, 503], attempts: 3, backOff: { base: 1ms, max: 5ms } }");
    let count = 0;
    for (const each of instances) {
      each.respond = () => {
        count += 1;
        return count % 10 === 0 ? { fault: "reset" } : { body: each.upstream.name };
      };
    }
    const load = await runLoad({ port: mesh.port, connections: 8, requests: 500, forMs: 60_000 });
    expect(load.statuses).toEqual({ 200: 500 });
    expect(count).toBeGreaterThan(550);
  });
});
