import { describe, expect, it } from "vitest";
import { FILTERS } from "../../filters/catalog.js";
import { portNames } from "./addresses.js";
import { readMesh } from "./file.js";
import { planMesh } from "./plan.js";
import { meshSchema } from "./schema.js";
import type { Mesh } from "./shape.js";
import { addressLines, callLines, curlLines, filterLines } from "./summary.js";

const SCHEMA = meshSchema(FILTERS);

function plan(mesh: Mesh) {
  const ports = new Map(portNames(mesh).map((name, i) => [name, 20_000 + i]));
  return planMesh(mesh, { directory: "/run", home: "/", ports, modulePath: ({ filter }) => filter });
}

const at = (mesh: Mesh) => ({ gatewayUrl: plan(mesh).gatewayUrl, statsUrl: "http://127.0.0.1:20001" });

const demo = () => readMesh(new URL("../mesh.yaml", import.meta.url).pathname);

describe("the demo mesh", () => {
  it("is described by its addresses", async () => {
    const lines = addressLines(plan(await demo()));
    expect(lines[0]).toBe("gateway  http://127.0.0.1:20000");
    expect(lines.filter((line) => line.includes("http://")).length).toBe(8);
  });

  it("is described by its filters' settings", async () => {
    expect(filterLines(await demo())).toEqual([
      'trace-headers at gateway: write w3c+b3-multi, responseHeader "x-trace-id"',
      "trace-headers at inbound, outbound: write w3c+b3-multi",
      "deadline at inbound: default → what is left",
      "rate-limit at gateway: user → 5 a second, up to 10 at once",
      "deadline at gateway: chat → what is left, page → 4s unless told",
      expect.stringMatching(/^header-routing before orders: premium → v2, .*canary → v1 90 \/ v2 10$/),
      "retry-budget before orders, for each attempt: orders → retries up to 20 % of the requests and 2 a second",
      expect.stringMatching(/^fallback before orders: recommendations → /),
      "deadline before orders: orders → 3s unless told, 3s at most",
      "fault-injection before payments, for each attempt: slow → delay, no-luck → abort for 1 %",
      "deadline before payments: payments → 1s unless told, 1s at most",
      "circuit-breaker before payments: payments → refuses after 5 failures in a row",
    ]);
    expect(callLines(await demo())).toEqual([
      "orders: timeout 3s; up to 2 more on 5xx, reset, connect-failure",
      "payments: timeout 1s",
      "stock: timeout 1s",
    ]);
  });

  it("offers three different commands", async () => {
    const mesh = await demo();
    expect(curlLines(mesh, at(mesh))).toEqual([
      "curl http://127.0.0.1:20000/",
      "curl -H 'x-user-type: premium' http://127.0.0.1:20000/",
      "curl http://127.0.0.1:20000/api/v1",
    ]);
  });
});

it("offers three commands for a mesh without rules, and quotes characters that a shell would interpret", () => {
  const base = {
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "front" }] },
    services: { front: { versions: { v1: { command: "x" } } } },
  };
  const bare = SCHEMA.parse(base);
  expect(curlLines(bare, at(bare))).toHaveLength(3);
  const config = {
    rules: [{ name: "a", match: { headers: [{ name: "x-a", exact: "it's; rm" }] }, destination: "v1" }],
  };
  const quoted = SCHEMA.parse({
    ...base,
    services: { front: { ...base.services.front, filters: [{ filter: "header-routing", config }] } },
  });
  expect(curlLines(quoted, at(quoted))[1]).toContain(`-H 'x-a: it'\\''s; rm'`);
});

it("names the variables that a service that runs by itself needs", () => {
  const mesh = SCHEMA.parse({
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "front" }] },
    services: {
      front: { versions: { v1: { url: "http://127.0.0.1:9000" } }, calls: ["gift-cards"] },
      "gift-cards": { versions: { v1: { command: "x" } } },
    },
  });
  expect(addressLines(plan(mesh)).at(-1)).toMatch(
    /^front_v1 runs by itself at http:\/\/127\.0\.0\.1:9000, and needs GIFT_CARDS_URL=http:\/\/127\.0\.0\.1:\d+$/,
  );
});

it("describes every filter's rules, which filters see each attempt, and how services are called", () => {
  const local = { limit: 5, unit: "second" };
  const mesh = SCHEMA.parse({
    name: "shop",
    gateway: {
      routes: [{ prefix: "/", service: "front" }],
      filters: [
        {
          filter: "rate-limit",
          config: {
            service: { cluster: "limits", domain: "shop" },
            rules: [
              { name: "user", local },
              { name: "all", key: [{ method: true }], local, global: {}, shadow: true },
            ],
          },
        },
      ],
    },
    services: {
      front: {
        versions: { v1: { command: "x" } },
        timeout: "2s",
        retries: { on: ["5xx", 429], attempts: 3, perTryTimeout: "500ms" },
        filters: [
          { filter: "retry-budget" },
          { filter: "retry-budget", config: { budgets: [{ name: "few", concurrency: { percentage: 5 } }] } },
          {
            filter: "fault-injection",
            config: {
              where: "upstream",
              rules: [
                { name: "slow", share: { percentage: 2 }, delay: { fixed: "1s" }, abort: { status: 503 } },
              ],
            },
          },
        ],
      },
    },
    grpcServices: { limits: { url: "http://127.0.0.1:8081" } },
  });
  expect(filterLines(mesh)).toEqual([
    "rate-limit at gateway: user → 5 a second, all → 5 a second, as the service says (shadow)",
    "retry-budget before front, for each attempt: default → retries up to 20 % of the requests and 10 a second",
    "retry-budget before front, for each attempt: few → retries at once up to 5 % of the requests, 3 in any case",
    "fault-injection before front, for each attempt: slow → delay and abort for 2 %",
  ]);
  expect(callLines(mesh)).toEqual(["front: timeout 2s; up to 3 more on 5xx, 429; each attempt 500ms"]);
  expect(addressLines(plan(mesh)).at(-1)).toBe("gRPC service limits at http://127.0.0.1:8081");
});
