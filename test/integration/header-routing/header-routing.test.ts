// header-routing in stock Envoy: what the client sends, and which upstream it reaches.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HeaderRoutingConfig } from "../../../filters/header-routing/schema.js";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { type RoutingEnvoy, startRoutingEnvoy, upstreamOf } from "./routing-envoy.js";

const FILTER = "header-routing";
const DECISIONS = "wasmcustom.meshwright.header_routing.decisions_total";
const PROTOCOLS = ["http1", "http2"] as const;

let routing: RoutingEnvoy;
let envoy: TestEnvoy;
const configure = (config: HeaderRoutingConfig) => routing.configure(config);
const reached = (options?: SendOptions) => routing.reached(options);

/** One Envoy for all tests: each gives it its own configuration. */
beforeAll(async () => {
  routing = await startRoutingEnvoy();
  envoy = routing.envoy;
});

afterAll(() => routing?.[Symbol.asyncDispose]());

/** The destination header as the upstream that answered saw it. */
async function destinationSeen(options: SendOptions): Promise<readonly string[]> {
  const response = await send(envoy.url, options);
  const { headers } = JSON.parse(response.body) as { headers: [string, string][] };
  return headers.filter(([name]) => name === "x-mesh-destination").map(([, value]) => value);
}

describe.each(PROTOCOLS)("typical cases of meshes over %s", (protocol) => {
  test("premium users reach their own version", async () => {
    await configure({
      rules: [
        {
          name: "premium",
          match: { headers: [{ name: "x-user-type", exact: "premium" }] },
          destination: "v2",
        },
      ],
    });
    expect(await reached({ protocol, headers: [["x-user-type", "premium"]] })).toBe("v2");
    expect(await reached({ protocol, headers: [["x-user-type", "basic"]] })).toBe("v1");
    expect(await reached({ protocol })).toBe("v1");
  });

  test("the beta group reaches v2, the canary tester the canary", async () => {
    await configure({
      rules: [
        {
          name: "canary-tester",
          match: { headers: [{ name: "end-user", exact: "canary-tester" }] },
          destination: "v3",
        },
        {
          name: "beta",
          match: { headers: [{ name: "x-user-group", oneOf: ["beta", "staff"] }] },
          destination: "v2",
        },
      ],
    });
    expect(await reached({ protocol, headers: [["end-user", "canary-tester"]] })).toBe("v3");
    expect(await reached({ protocol, headers: [["x-user-group", "beta"]] })).toBe("v2");
    const both: [string, string][] = [
      ["x-user-group", "beta"],
      ["end-user", "canary-tester"],
    ];
    expect(await reached({ protocol, headers: both })).toBe("v3");
    expect(await reached({ protocol, headers: [["x-user-group", "alpha"]] })).toBe("v1");
  });

  test("path, method, query and cookie choose the version of an API", async () => {
    await configure({
      rules: [
        {
          name: "write",
          match: { method: ["POST", "PUT"], path: { prefix: "/api/" } },
          destination: "v3",
        },
        { name: "one", match: { path: { segments: "/api/v1" } }, destination: "v1" },
        { name: "two", match: { path: { segments: "/api/v2" } }, destination: "v2" },
        { name: "try", match: { query: [{ name: "try", exact: "new one" }] }, destination: "v2" },
        { name: "cookie", match: { cookies: [{ name: "beta", present: true }] }, destination: "v2" },
        {
          name: "age",
          match: { headers: [{ name: "x-age", range: { from: 18, to: 99 } }] },
          destination: "v2",
        },
      ],
    });
    expect(await reached({ protocol, path: "/api/v1/orders" })).toBe("v1");
    expect(await reached({ protocol, path: "/api/v2" })).toBe("v2");
    expect(await reached({ protocol, path: "/api/v20" })).toBe("v1");
    expect(await reached({ protocol, path: "/api/v2", method: "POST", body: "x" })).toBe("v3");
    expect(await reached({ protocol, path: "/?a=1&try=new%20one" })).toBe("v2");
    expect(await reached({ protocol, path: "/?try=old" })).toBe("v1");
    expect(await reached({ protocol, headers: [["cookie", "a=1; beta=yes"]] })).toBe("v2");
    expect(await reached({ protocol, headers: [["cookie", "a=1; alpha=yes"]] })).toBe("v1");
    expect(await reached({ protocol, headers: [["x-age", "18"]] })).toBe("v2");
    expect(await reached({ protocol, headers: [["x-age", "17"]] })).toBe("v1");
  });
});

describe("the destination header", () => {
  test("from a client never counts and is never passed on", async () => {
    await configure({
      rules: [{ name: "premium", match: { headers: [{ name: "x-p", exact: "1" }] }, destination: "v2" }],
    });
    const forged: [string, string] = ["x-mesh-destination", "v3"];
    expect(await reached({ headers: [forged] })).toBe("v1");
    expect(await reached({ headers: [forged, forged] })).toBe("v1");
    expect(await destinationSeen({ headers: [forged, ["X-Mesh-Destination", "v2"]] })).toEqual([]);
    expect(await destinationSeen({ headers: [forged, ["x-p", "1"], forged] })).toEqual(["v2"]);
    expect(await destinationSeen({ headers: [["x-mesh-destination", "v2"], ["x-p", "1"], forged] })).toEqual([
      "v2",
    ]);
    expect(
      await destinationSeen({
        headers: [
          ["x-mesh-destination", "v2"],
          ["x-p", "1"],
        ],
      }),
    ).toEqual(["v2"]);
    expect(await destinationSeen({ headers: [["x-mesh-destination", ""]] })).toEqual([]);
  });

  test("has the name that the configuration gives it", async () => {
    await configure({ destinationHeader: "x-other", rules: [{ name: "all", destination: "v3" }] });
    const response = await send(envoy.url, { headers: [["x-other", "forged"]] });
    const { headers } = JSON.parse(response.body) as { headers: [string, string][] };
    expect(headers).toContainEqual(["x-other", "v3"]);
    expect(headers).not.toContainEqual(["x-other", "forged"]);
  });
});

describe("a split", () => {
  const canary = (weight: number, more: object = {}): HeaderRoutingConfig => ({
    rules: [
      {
        name: "canary",
        split: {
          key: { header: "x-user-id" },
          salt: "2026",
          destinations: [
            { name: "v1", weight: 100 - weight },
            { name: "v2", weight },
          ],
          ...more,
        },
      },
    ],
  });

  test("of 90/10 without a key sends about a tenth to the canary", async () => {
    await configure({
      rules: [
        {
          name: "canary",
          split: {
            destinations: [
              { name: "v1", weight: 90 },
              { name: "v2", weight: 10 },
            ],
          },
        },
      ],
    });
    let second = 0;
    const total = 1000;
    for (let i = 0; i < total; i += 20) {
      const batch = await Promise.all(Array.from({ length: 20 }, () => reached()));
      second += batch.filter((name) => name === "v2").length;
    }
    // Six standard deviations: a correct filter fails this about once in half a billion runs.
    expect(Math.abs(second - 100)).toBeLessThan(6 * Math.sqrt(total * 0.1 * 0.9));
  });

  test("by a key is sticky over both workers, and a higher weight moves keys only to the canary", async () => {
    const users = Array.from({ length: 200 }, (_, i) => `user-${i}`);
    const placed = () => Promise.all(users.map((user) => reached({ headers: [["x-user-id", user]] })));
    await configure(canary(10));
    const before = await placed();
    expect(await placed()).toEqual(before);
    expect(new Set(before)).toEqual(new Set(["v1", "v2"]));
    await configure(canary(50));
    const after = await placed();
    const movedBack = users.filter((_, i) => before[i] === "v2" && after[i] !== "v2");
    expect(movedBack).toEqual([]);
    expect(after.filter((name) => name === "v2").length).toBeGreaterThan(
      before.filter((name) => name === "v2").length,
    );
  });

  test("keeps pinned keys where they are pinned", async () => {
    await configure(canary(0, { pins: [{ keys: ["alice", "bob"], destination: "v3" }] }));
    expect(await reached({ headers: [["x-user-id", "alice"]] })).toBe("v3");
    expect(await reached({ headers: [["x-user-id", "bob"]] })).toBe("v3");
    expect(await reached({ headers: [["x-user-id", "carol"]] })).toBe("v1");
  });

  test("by the client's address sends one client to one place", async () => {
    await configure({
      rules: [
        {
          name: "address",
          split: {
            key: { clientAddress: true },
            destinations: [
              { name: "v1", weight: 50 },
              { name: "v2", weight: 50 },
            ],
          },
        },
      ],
    });
    const places = new Set(await Promise.all(Array.from({ length: 20 }, () => reached())));
    expect(places.size).toBe(1);
  });

  test("by a cookie counts how often each variant was shown", async () => {
    const name = `ab-${Date.now()}`;
    await configure({
      rules: [
        {
          name,
          split: {
            key: { cookie: "visitor" },
            destinations: [
              { name: "v1", weight: 50 },
              { name: "v2", weight: 50 },
            ],
          },
        },
      ],
    });
    const seen: Record<string, number> = { v1: 0, v2: 0 };
    for (let i = 0; i < 60; i++) {
      const variant = await reached({ headers: [["cookie", `visitor=${i}; theme=dark`]] });
      seen[variant] = (seen[variant] ?? 0) + 1;
    }
    const stats = await envoy.admin.stats("decisions_total");
    expect(stats.get(`${DECISIONS};rule=${name};destination=v1`)).toBe(seen.v1);
    expect(stats.get(`${DECISIONS};rule=${name};destination=v2`)).toBe(seen.v2);
    expect(await envoy.admin.prometheus()).toMatch(
      new RegExp(`^meshwright_header_routing_decisions_total\\{[^}]*rule="${name}"[^}]*\\} ${seen.v1}$`, "m"),
    );
  });
});

describe("a change of the configuration", () => {
  test("switches blue to green without dropping a request", async () => {
    const all = (destination: string): HeaderRoutingConfig => ({ rules: [{ name: "live", destination }] });
    await configure(all("v1"));
    const statuses: number[] = [];
    const places: string[] = [];
    let running = true;
    const client = async (): Promise<void> => {
      while (running) {
        const response = await send(envoy.url);
        statuses.push(response.status);
        places.push(upstreamOf(response));
      }
    };
    const clients = [client(), client(), client(), client()];
    for (let i = 0; i < 10; i++) await configure(all(i % 2 === 0 ? "v2" : "v1"));
    running = false;
    await Promise.all(clients);
    expect(statuses.every((status) => status === 200)).toBe(true);
    expect(new Set(places)).toEqual(new Set(["v1", "v2"]));
    await configure(all("v2"));
    expect(await reached()).toBe("v2");
  });

  test("that is wrong is refused with path and reason, and the last good one serves on", async () => {
    await configure({ rules: [{ name: "all", destination: "v3" }] });
    const outcome = await envoy.configure(FILTER, { rules: [{ name: "all", destinaton: "v1" }] });
    expect(outcome).toMatchObject({
      accepted: false,
      reason: expect.stringContaining("rules[0].destinaton: unknown key"),
    });
    expect(await reached()).toBe("v3");
    await configure({ rules: [{ name: "all", destination: "v2" }] });
    expect(await reached()).toBe("v2");
  });
});

describe("two plugins in one VM", () => {
  test("do not see each other's configuration", async () => {
    await using shared = await startEnvoy({
      filters: [
        {
          name: "first",
          module: FILTER,
          vmId: "shared",
          configuration: { destinationHeader: "x-first", rules: [{ name: "first", destination: "one" }] },
        },
        {
          name: "second",
          module: FILTER,
          vmId: "shared",
          configuration: { rules: [{ name: "second", destination: "v2" }] },
        },
      ],
      upstreams: routing.upstreams,
    });
    for (let i = 0; i < 10; i++) {
      const response = await send(shared.url);
      expect(upstreamOf(response)).toBe("v2");
      expect((JSON.parse(response.body) as { headers: string[][] }).headers).toContainEqual([
        "x-first",
        "one",
      ]);
    }
  });
});
