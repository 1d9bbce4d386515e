// Each filter of the catalog under Istio: an image that `pack` made and `push` brought to a
// registry, Istio's own control plane and agent, and stock Envoy.

import { afterAll, beforeAll, expect, test } from "vitest";
import { FILTERS } from "../../../filters/catalog.js";
import { type PushedImages, pushImages } from "./images.js";
import { eventually, type Shop, upstreamFilter, wasmPlugin } from "./shop.js";

const START_MS = 400_000;
const ALL = FILTERS.map(({ name }) => name);
const BUNDLE = "edge";

/** Tests each filter in a mesh of its own. */
export function testFilters(start: () => Promise<Shop>): void {
  let images: PushedImages;
  let shop: Shop;
  beforeAll(async () => {
    images = await pushImages(ALL);
    await images.push(BUNDLE, { bundle: ALL });
    shop = await start();
  }, START_MS);
  afterAll(async () => {
    await shop?.[Symbol.asyncDispose]();
    await images?.[Symbol.asyncDispose]();
  });

  /** The filter's plugin, the only one. */
  const plug = (name: string, config: Readonly<Record<string, unknown>>) =>
    shop.apply(wasmPlugin({ name, url: images.url(name), config, port: shop.port }));
  const status = async (headers: readonly (readonly [string, string])[] = []) =>
    (await shop.call(headers)).status;
  const attempts = async (headers: readonly (readonly [string, string])[]) => {
    const before = shop.orders.v1.requests.length;
    const answered = await shop.call(headers);
    return { status: answered.status, attempts: shop.orders.v1.requests.length - before };
  };

  test("header-routing chooses the version", async () => {
    await plug("header-routing", { rules: [PREMIUM] });
    await eventually(async () =>
      expect((await shop.answer([["x-user-type", "premium"]])).upstream).toBe("v2"),
    );
    expect((await shop.answer()).upstream).toBe("v1");
    // What a client says about the destination counts for nothing.
    expect((await shop.answer([["x-mesh-destination", "v2"]])).upstream).toBe("v1");
  });

  test("its decisions are among the proxy's metrics, by the name that the page of metrics has", async () => {
    const stats = await shop.web.admin.stats("meshwright.header_routing.decisions_total");
    expect([...stats.keys()].some((name) => name.includes("rule=premium;destination=v2"))).toBe(true);
  });

  test("trace-headers writes a trace's identifiers", async () => {
    await plug("trace-headers", { write: ["w3c", "b3-multi"], responseHeader: "x-trace-id" });
    await eventually(async () => expect((await shop.call()).header("x-trace-id")).toMatch(/^[0-9a-f]{32}$/));
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const seen = await shop.answer([["traceparent", `00-${trace}-b7ad6b7169203331-01`]]);
    expect(seen.headers.traceparent).toContain(trace);
    expect(seen.headers["x-b3-traceid"]).toBe(trace);
  });

  test("rate-limit refuses a key's third request", async () => {
    await plug("rate-limit", {
      headers: "ietf",
      rules: [
        { name: "user", key: [{ header: "x-user-id" }], missing: "skip", local: { limit: 2, unit: "hour" } },
      ],
    });
    await eventually(async () => expect(await status([["x-user-id", "ann"]])).toBe(429));
    const bob = [["x-user-id", "bob"]] as const;
    expect([await status(bob), await status(bob), await status(bob)]).toEqual([200, 200, 429]);
    expect(await status()).toBe(200);
  });

  test("fault-injection aborts what it is told to", async () => {
    await plug("fault-injection", {
      rules: [{ ...TEAPOT, abort: { status: 418, body: "short and stout" } }],
    });
    await eventually(async () => expect(await status([["x-tea", "yes"]])).toBe(418));
    expect((await shop.call([["x-tea", "yes"]])).body).toBe("short and stout");
    expect(await status()).toBe(200);
  });

  test("circuit-breaker stops requests after two failures in a row", async () => {
    await plug("circuit-breaker", { rules: [{ name: "orders", trip: { consecutive: 2 } }] });
    await eventually(async () =>
      expect(await attempts([["x-answer", "503"]])).toEqual({ status: 503, attempts: 0 }),
    );
    expect((await shop.call()).header("retry-after")).toMatch(/^\d+$/);
  });

  test("deadline gives the service what is left, and refuses what comes too late", async () => {
    await plug("deadline", { header: { trusted: true }, rules: [{ name: "all", default: "10s" }] });
    await eventually(async () => {
      const left = Number((await shop.answer()).headers["x-request-timeout-ms"]);
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(10_000);
    });
    expect(await attempts([["x-request-timeout-ms", "0"]])).toEqual({ status: 504, attempts: 0 });
  });

  test("fallback serves the last good answer in place of a failure", async () => {
    await plug("fallback", { rules: [{ name: "orders" }] });
    await eventually(async () => {
      expect(await status()).toBe(200);
      const served = await shop.call([["x-answer", "503"]]);
      expect(served.status).toBe(200);
      expect(served.header("cache-status")).toMatch(/^fallback; .*detail="status"$/);
    });
  });

  test("retry-budget in the clusters' chain ends the retries of Istio's route", async () => {
    await shop.apply();
    const failing = [["x-answer", "503"]] as const;
    await eventually(async () => expect(await attempts(failing)).toEqual({ status: 503, attempts: 4 }));
    const config = { budgets: [{ name: "none", ratio: { percentage: 1, minRetriesPerSecond: 0 } }] };
    await shop.apply(upstreamFilter({ name: "retry-budget", url: images.url("retry-budget"), config }));
    await eventually(async () => expect(await attempts(failing)).toEqual({ status: 503, attempts: 1 }));
    // The mark by which the router learns of it stays within the mesh.
    expect((await shop.call(failing)).header("x-envoy-ratelimited")).toBeUndefined();
    expect(await status()).toBe(200);
  });

  test("fault-injection in the clusters' chain meets each attempt, and the route retries", async () => {
    const config = { where: "upstream", rules: [{ ...TEAPOT, abort: { status: 503 } }] };
    await shop.apply(upstreamFilter({ name: "faults", url: images.url("fault-injection"), config }));
    await eventually(async () =>
      expect(await attempts([["x-tea", "yes"]])).toEqual({ status: 503, attempts: 4 }),
    );
    expect(await attempts([])).toEqual({ status: 200, attempts: 1 });
  });

  test("a bundle of all filters is one module with the settings of each", async () => {
    await plug(BUNDLE, {
      "trace-headers": { responseHeader: "x-trace-id" },
      "header-routing": { rules: [PREMIUM] },
      "fault-injection": { rules: [{ ...TEAPOT, abort: { status: 418 } }] },
      "retry-budget": { where: "downstream" },
      "circuit-breaker": { rules: [{ name: "all" }] },
      "rate-limit": { rules: [{ name: "all", local: { limit: 1000, unit: "second" } }] },
      deadline: { rules: [{ name: "all", default: "15s" }] },
      fallback: { rules: [{ name: "all" }] },
    });
    await eventually(async () => expect(await status([["x-tea", "yes"]])).toBe(418));
    const premium = await shop.call([["x-user-type", "premium"]]);
    expect(JSON.parse(premium.body).upstream).toBe("v2");
    expect(premium.header("x-trace-id")).toMatch(/^[0-9a-f]{32}$/);
  });

  test("both chains at once", async () => {
    const config = { budgets: [{ name: "none", ratio: { percentage: 1, minRetriesPerSecond: 0 } }] };
    await shop.apply(
      wasmPlugin({
        name: "header-routing",
        url: images.url("header-routing"),
        config: { rules: [PREMIUM] },
        port: shop.port,
      }),
      upstreamFilter({ name: "retry-budget", url: images.url("retry-budget"), config }),
    );
    await eventually(async () => {
      expect((await shop.answer([["x-user-type", "premium"]])).upstream).toBe("v2");
      expect(await attempts([["x-answer", "503"]])).toEqual({ status: 503, attempts: 1 });
    });
  });
}

const PREMIUM = {
  name: "premium",
  match: { headers: [{ name: "x-user-type", exact: "premium" }] },
  destination: "v2",
} as const;
const TEAPOT = { name: "teapot", match: { headers: [{ name: "x-tea", exact: "yes" }] } } as const;
