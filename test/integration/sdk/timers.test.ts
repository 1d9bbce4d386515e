// Timers in stock Envoy, through a probe filter that does what a request header says.

import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { compileProbe } from "../../support/compile-probe.js";

let folder: string;
let upstream: Upstream;
let envoy: TestEnvoy;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-timers-"));
  const module = path.join(folder, "probe.wasm");
  await compileProbe("test/probes/timers/index.ts", module);
  upstream = await startUpstream();
  envoy = await startEnvoy({ filters: [{ name: "probe", module }], upstreams: { upstream }, workers: 1 });
});

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function saw(command: string, ms = 1): Promise<string | undefined> {
  const headers: [string, string][] = [
    ["x-do", command],
    ["x-ms", String(ms)],
  ];
  return (await send(envoy.url, { headers })).header("x-saw");
}

const ticks = async () => Number(await saw("ticks"));

describe("a timer", () => {
  test("never runs early, and needs few ticks", async () => {
    const before = await ticks();
    const late: number[] = [];
    for (let i = 0; i < 40; i++) late.push(Number(await saw("delay", 20)));
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect((await ticks()) - before).toBeLessThanOrEqual(3 * 40);
  });

  test("can be set by many waiting streams at once, each with its own time", async () => {
    const late = await Promise.all(Array.from({ length: 200 }, (_, i) => saw("delay", 1 + ((i * 37) % 50))));
    for (const microseconds of late) expect(Number(microseconds)).toBeGreaterThanOrEqual(0);
  });

  test("may set the next one", async () => {
    expect(await saw("chain", 1)).toBe("end of the chain");
  });

  test("does not run when it is cancelled, also at the last moment", async () => {
    expect(await saw("cancel")).toBe("ran 0");
  });

  test("runs in its turn among twenty thousand, half of which are cancelled", async () => {
    expect(await saw("many")).toBe("ran 10000 wrong 0");
  });

  test("leaves no memory behind, cancelled or not", async () => {
    // The compiler's allocator doubles the memory each time it grows.
    for (let i = 0; i < 8; i++) await saw("many");
    const pages = await saw("pages");
    for (let i = 0; i < 20; i++) await saw("many");
    expect(await saw("pages")).toBe(pages);
  });

  test("finds its stream gone, and says so", async () => {
    const request = http.get(envoy.url, { headers: { "x-do": "leave", "x-ms": "200" }, agent: false });
    request.on("error", () => {});
    await expect.poll(activeRequests).toBe(1);
    request.destroy();
    // 2 is `BadArgument`.
    await expect.poll(() => saw("gone-status")).toBe("2");
  });

  test("costs no ticks when no timer waits", async () => {
    await saw("cancel");
    await saw("delay", 1);
    const before = await ticks();
    await sleep(50);
    expect(await ticks()).toBe(before);
  });
});

describe("a tick period", () => {
  test("calls onTick until it is ended, and can be changed by it", async () => {
    expect(await saw("period", 5)).toBe("five ticks");
    const before = await ticks();
    await sleep(50);
    expect(await ticks()).toBe(before);
  });

  test("continues beside timers", async () => {
    const period = saw("period", 7);
    expect(Number(await saw("delay", 3))).toBeGreaterThanOrEqual(0);
    expect(await period).toBe("five ticks");
  });
});

async function activeRequests(): Promise<number | undefined> {
  return (await envoy.admin.stats("downstream_rq_active")).get("http.test.downstream_rq_active");
}
