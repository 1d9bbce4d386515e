// header-routing in stock Envoy before hostile requests: they pass or are refused, do not decide
// what they must not, and leave the module unharmed.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HeaderRoutingConfig } from "../../../filters/header-routing/schema.js";
import type { SendOptions } from "../../../kit/envoy/client.js";
import type { TestEnvoy } from "../../../kit/envoy/envoy.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import { type RoutingEnvoy, startRoutingEnvoy } from "./routing-envoy.js";

const FILTER = "header-routing";

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

describe("a hostile request", () => {
  const premium: HeaderRoutingConfig = {
    rules: [
      { name: "premium", match: { headers: [{ name: "x-user-type", exact: "premium" }] }, destination: "v2" },
      { name: "query", match: { query: [{ name: "a", exact: "b" }] }, destination: "v2" },
      { name: "cookie", match: { cookies: [{ name: "c", exact: "d" }] }, destination: "v2" },
      {
        name: "split",
        split: { key: { header: "x-user-id" }, destinations: [{ name: "v1", weight: 1 }] },
      },
    ],
  };

  const raw = (head: string): Promise<string> =>
    rawHttp1(
      envoy.port,
      Buffer.from(`GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n${head}\r\n`, "latin1"),
    );

  /** The module serves on: a trap would answer 503 and end the worker's VM. */
  async function expectAlive(): Promise<void> {
    for (let i = 0; i < 8; i++) {
      expect(await reached({ headers: [["x-user-type", "premium"]] })).toBe("v2");
      expect(await reached()).toBe("v1");
    }
    expect((await envoy.admin.stats("vm_reload$")).get(`wasm.${FILTER}.vm_reload`)).toBe(0);
    expect(envoy.logs()).not.toContain("Function: proxy_on_");
  }

  test.each([
    ["invalid UTF-8", "x-user-type: prem\xc0\xafium\r\nx-user-id: \xff\xfe\xc0\x80\r\ncookie: \xf8=\xff\r\n"],
    ["empty values", "x-user-type:\r\nx-user-id:\r\ncookie:\r\n"],
    ["a value of 60 KiB", `x-user-type: ${"premium".repeat(9000)}\r\nx-user-id: ${"x".repeat(61440)}\r\n`],
    ["a cookie of 60 KiB", `cookie: ${"c=;".repeat(20480)}\r\n`],
    ["a NUL", "x-user-type: pre\0mium\r\n"],
    ["an escaped NUL", "x-user-type: premium%00\r\nx-user-id: %00\r\n"],
    ["nothing but separators", "cookie: ;;;===;;;\r\nx-user-type: , , ,\r\n"],
  ])("with %s passes or is refused, decides nothing and traps nothing", async (_, head) => {
    await configure(premium);
    const answer = await raw(head);
    expect(answer).toMatch(/^HTTP\/1\.1 (200|400|431) /);
    if (answer.startsWith("HTTP/1.1 200")) expect(answer).toContain('"upstream":"v1"');
    await expectAlive();
  });

  test("with ten thousand repeated headers is refused by Envoy, and with nine hundred it passes", async () => {
    await configure(premium);
    expect(await raw("x-user-type: basic\r\n".repeat(10_000))).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw("x-mesh-destination: v2\r\n".repeat(900))).toContain('"upstream":"v1"');
    await expectAlive();
  });

  test("is judged by all lines of a repeated header, as by Envoy's own routes", async () => {
    const lines = (...values: string[]) => values.map((value): [string, string] => ["x-user-type", value]);
    const reachedBy = async (...values: string[]) => reached({ headers: lines(...values) });
    await configure(premium);
    expect(await reachedBy("premium", "basic")).toBe("v1");
    expect(await reachedBy("basic", "premium")).toBe("v1");
    expect(await reachedBy("premium")).toBe("v2");
    const exact = (value: string) => ({
      name: "all",
      match: { headers: [{ name: "x-user-type", exact: value }] },
      destination: "v2",
    });
    await configure({ rules: [exact("basic,premium")] });
    expect(await reachedBy("basic", "premium")).toBe("v2");
    // More names than are read one by one.
    const others = ["x-b", "x-c", "x-d", "x-e"].map((name) => ({ name, absent: true as const }));
    const many = { headers: [{ name: "x-user-type", exact: "basic,premium" }, ...others] };
    await configure({ rules: [{ name: "all", match: many, destination: "v2" }] });
    expect(await reachedBy("basic", "premium")).toBe("v2");
    expect(await reachedBy("basic")).toBe("v1");
  });

  test.each([
    ["a query of 60 KiB", `/?${"%41=%42&".repeat(7000)}`],
    ["broken escapes", "/?a=%&%a=b&a%=%2"],
    ["no value", "/?&&=&a"],
  ])("with %s in its path traps nothing", async (_, path) => {
    await configure(premium);
    expect(await reached({ path })).toBe("v1");
    await expectAlive();
  });
});
