// What Istio does with a filter over time: its configuration changes under load, is refused, or its
// module cannot be fetched.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runLoad } from "../support/load.js";
import { isMissing, needs } from "../support/tools.js";
import { type PushedImages, pushImages } from "./support/images.js";
import { eventually, HOST, type PluginOptions, type Shop, startShop, wasmPlugin } from "./support/shop.js";

const START_MS = 400_000;

describe.skipIf(isMissing("istio"))(`changes under Istio ${needs("istio")}`, () => {
  let images: PushedImages;
  let shop: Shop;
  beforeAll(async () => {
    images = await pushImages(["header-routing"]);
    await images.push("header-routing", { repository: "next", annotation: "org.example.build=2" });
    shop = await startShop();
  }, START_MS);
  afterAll(async () => {
    await shop?.[Symbol.asyncDispose]();
    await images?.[Symbol.asyncDispose]();
  });

  /** header-routing for one value of x-user-type. */
  const routing = (value: string, options: Partial<PluginOptions> = {}) =>
    wasmPlugin({
      name: "header-routing",
      url: images.url("header-routing"),
      config: { rules: [toV2("x-user-type", value)] },
      port: shop.port,
      ...options,
    });
  const version = async (value: string) => (await shop.answer([["x-user-type", value]])).upstream;
  const status = async () => (await shop.call()).status;
  /** VMs of all modules. */
  const vms = async () => (await shop.web.admin.stats("^wasm.wasm_vm_count$")).get("wasm.wasm_vm_count");

  const CONNECTIONS = 16;
  /** Longer than the 5 s after which Envoy closes the connections of a listener that changed. */
  const startLoad = () =>
    runLoad({ port: shop.port, host: HOST, connections: CONNECTIONS, rate: 300, forMs: 10_000 });

  test("a load sees no failure while the configuration and the image change", async () => {
    await shop.apply(routing("a"));
    await eventually(async () => expect(await version("a")).toBe("v2"));
    const load = startLoad();
    for (const value of ["b", "c", "d"]) {
      await shop.apply(routing(value));
      await eventually(async () => expect(await version(value)).toBe("v2"));
    }
    expect(images.url("next")).not.toBe(images.url("header-routing"));
    await shop.apply(routing("e", { url: images.url("next") }));
    await eventually(async () => expect(await version("e")).toBe("v2"));
    const { statuses, answers } = await load;
    expect(statuses).toEqual({ 200: answers.length });
    expect(answers.length).toBeGreaterThan(500);
  });

  test("a plugin that goes and comes back changes the listener: a connection may lose one request", async () => {
    await shop.apply(routing("a"));
    await eventually(async () => expect(await version("a")).toBe("v2"));
    const load = startLoad();
    await shop.apply();
    await eventually(async () => expect(await version("a")).toBe("v1"));
    await shop.apply(routing("b"));
    await eventually(async () => expect(await version("b")).toBe("v2"));
    const { 200: answered = 0, 0: lost = 0, ...others } = (await load).statuses;
    expect(others).toEqual({});
    // Envoy closes a drained connection while it is idle, and a client may use it at that moment.
    expect(lost).toBeLessThanOrEqual(CONNECTIONS);
    expect(answered).toBeGreaterThan(500);
  });

  test("a configuration that the filter refuses leaves the last good one, until the proxy starts anew", async () => {
    await shop.apply(routing("a"));
    await eventually(async () => expect(await version("a")).toBe("v2"));
    await shop.apply(routing("a", { config: { rules: "none" } }));
    await eventually(async () =>
      expect(shop.web.logs()).toContain("configuration refused: rules: must be an array"),
    );
    expect(await version("a")).toBe("v2");
    // Therefore `render` starts each configuration in the module before it writes it.
    await shop.web.restart();
    await eventually(async () => expect(await status()).toBe(500));
    await shop.apply(routing("b"));
    await eventually(async () => expect(await version("b")).toBe("v2"));
  });

  describe("an image that is not in the registry", () => {
    const missing = (failStrategy: NonNullable<PluginOptions["failStrategy"]>) =>
      routing("a", { url: `oci://${images.registry}/mesh/missing:1`, failStrategy });

    test("FAIL_OPEN lets requests pass without the filter", async () => {
      await shop.apply(missing("FAIL_OPEN"));
      await eventually(async () => expect([await version("a"), await version("b")]).toEqual(["v1", "v1"]));
    });

    test.each(["FAIL_CLOSE", "FAIL_RELOAD"] as const)(
      "%s refuses every request with 403",
      async (strategy) => {
        await shop.apply(routing("b"));
        await eventually(async () => expect(await version("b")).toBe("v2"));
        await shop.apply(missing(strategy));
        await eventually(async () => expect(await status()).toBe(403));
        expect((await shop.call()).body).toBe("RBAC: access denied");
      },
    );

    test("an image that comes later counts only with the next change", async () => {
      const url = `oci://${images.registry}/mesh/late:1`;
      await shop.apply(routing("a", { url, failStrategy: "FAIL_CLOSE" }));
      await eventually(async () => expect(await status()).toBe(403));
      await images.push("header-routing", { repository: "late" });
      expect(await status()).toBe(403);
      await shop.apply(routing("c", { url, failStrategy: "FAIL_CLOSE" }));
      await eventually(async () => expect(await version("c")).toBe("v2"));
    });
  });

  test("several plugins of one module share a VM, and each has its own configuration", async () => {
    await shop.apply();
    await shop.web.restart();
    const two = ["first", "second"].map((name) =>
      routing(name, {
        name,
        config: { rules: [toV2(`x-${name}`, "yes")], destinationHeader: `x-${name}-destination` },
      }),
    );
    await shop.apply(...two);
    await eventually(async () => {
      const { headers } = await shop.answer([
        ["x-first", "yes"],
        ["x-second", "yes"],
      ]);
      expect(headers).toMatchObject({ "x-first-destination": "v2", "x-second-destination": "v2" });
    });
    const shared = await vms();
    await shop.apply(...two.slice(1));
    await eventually(async () =>
      expect((await shop.answer([["x-first", "yes"]])).headers).not.toHaveProperty("x-first-destination"),
    );
    expect(await vms()).toBe(shared);
    // Another environment is another VM.
    const vmConfig = { env: [{ name: "SHARE", value: "no" }] };
    await shop.apply(...two.slice(1), routing("a", { name: "third", spec: { vmConfig } }));
    await eventually(async () => expect(await version("a")).toBe("v2"));
    expect(await vms()).toBeGreaterThan(shared ?? 0);
  });
});

const toV2 = (header: string, value: string) => ({
  name: "some",
  match: { headers: [{ name: header, exact: value }] },
  destination: "v2",
});
