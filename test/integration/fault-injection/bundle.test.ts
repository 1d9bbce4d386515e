// fault-injection between two other filters of a bundle: what it holds, answers and changes is as
// if it were alone.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import { inspectModule } from "../../../envoy/module/inspect.js";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { type BundlePart, bundlePlace } from "../../../toolchain/bundle/entry.js";
import { buildFilters, modulePath } from "../../../toolchain/compile/build.js";
import { sourceAt } from "../../../toolchain/compile/source.js";
import { compileTestBundle } from "../../support/compile-probe.js";
import { EARLY_MS } from "./fault-envoy.js";

const TEN = "0123456789";
const at = (prefix: string) => ({ path: { prefix } });
/** In the order of the bundle. */
const CONFIGURATIONS: Readonly<Record<string, Json>> = {
  "trace-headers": { responseHeader: "x-trace" },
  "fault-injection": {
    explainHeader: "x-why",
    rules: [
      { name: "delay", match: at("/delay"), delay: { fixed: "100ms" } },
      { name: "late", match: at("/late"), delay: { fixed: "50ms" }, abort: { status: 418, body: "no tea" } },
      { name: "abort", match: at("/abort"), abort: { status: 503 } },
      { name: "hole", match: at("/hole"), blackHole: { limit: "100ms" } },
      { name: "slow", match: at("/slow"), response: { bytesPerSecond: 100 } },
      { name: "short", match: at("/short"), response: { status: 502, truncateAfter: 13 } },
      { name: "left", match: at("/left"), delay: { fixed: "1h" } },
      { name: "calls", match: at("/calls"), abort: { grpcStatus: 8, body: "full", afterMessages: 2 } },
      { name: "both", match: at("/both"), response: { truncateAfter: 13, bytesPerSecond: 100 } },
    ],
  },
  "header-routing": { rules: [{ name: "all", destination: "upstream" }] },
};

let folder: string;
let upstream: Upstream;
let envoy: TestEnvoy;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "fault-injection-bundle-"));
  const response = { body: [TEN, TEN], trailers: [["x-end", "1"]] } as const;
  upstream = await startUpstream({ protocol: "http2", respond: () => response });
  const names = Object.keys(CONFIGURATIONS);
  await buildFilters(names);
  const module = path.join(folder, "bundle.wasm");
  const parts = await Promise.all(names.map(partOf));
  await compileTestBundle({ name: "bundle", base: sourceAt(bundlePlace(PACKAGE_ROOT)), parts }, module);
  envoy = await startEnvoy({
    filters: [{ name: "bundle", module, configuration: CONFIGURATIONS }],
    upstreams: { upstream },
  });
}, 180_000);

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function partOf(name: string): Promise<BundlePart> {
  const { callbacks } = inspectModule(await readFile(modulePath(name)));
  return { name, entry: path.join(PACKAGE_ROOT, "filters", name, "index.ts"), callbacks };
}

/** An answer, and how long it took. */
async function ask(to: string, body?: string) {
  const before = performance.now();
  const options = { path: to, protocol: "http2" as const, ...(body === undefined ? {} : { body }) };
  const answer = await send(envoy.url, options);
  return { answer, ms: performance.now() - before };
}

test("a request is held and continues, with its body and what the other filters wrote", async () => {
  const { answer, ms } = await ask("/delay", TEN);
  expect(answer).toMatchObject({ status: 200, body: TEN + TEN, trailers: [["x-end", "1"]] });
  expect(answer.header("x-why")).toBe("delay;outcome=delayed");
  expect(answer.header("x-trace")).toBeDefined();
  expect(ms).toBeGreaterThanOrEqual(100 - EARLY_MS);
  expect(upstream.requests.at(-1)).toMatchObject({ path: "/delay", body: TEN });
  expect(upstream.requests.at(-1)?.header("traceparent")).toBeDefined();
  expect(upstream.requests.at(-1)?.header("x-mesh-destination")).toBe("upstream");
});

test("a request is answered, at once, after a delay and at the limit of a black hole", async () => {
  const before = upstream.requests.length;
  for (const [to, status, body, why] of [
    ["/abort", 503, "", "abort;outcome=aborted"],
    ["/late", 418, "no tea", "late;outcome=aborted"],
    ["/hole", 504, "", "hole;outcome=black-holed"],
  ] as const) {
    const { answer } = await ask(to, TEN);
    expect(answer).toMatchObject({ status, body, end: "whole" });
    expect(answer.header("x-why")).toBe(why);
  }
  expect(upstream.requests).toHaveLength(before);
});

test("a gRPC call is answered when its client has sent two messages, and passes with one", async () => {
  const before = upstream.requests.length;
  const MESSAGE = "\0\0\0\0\u0003abc";
  const call = (body: readonly string[]) =>
    send(envoy.url, {
      path: "/calls",
      protocol: "http2",
      headers: [["content-type", "application/grpc"]],
      body,
    });
  const answer = await call([MESSAGE, MESSAGE.slice(0, 6), `bc${MESSAGE}`]);
  expect(answer).toMatchObject({ status: 200, body: "", end: "whole" });
  expect(answer.header("grpc-status")).toBe("8");
  expect(answer.header("x-why")).toBe("calls;outcome=armed, calls;outcome=aborted");
  expect(answer.header("x-trace")).toBeDefined();
  expect(upstream.requests).toHaveLength(before);
  const passed = await call([MESSAGE.slice(0, 3), MESSAGE.slice(3)]);
  expect(passed).toMatchObject({ status: 200, body: TEN + TEN, trailers: [["x-end", "1"]] });
  expect(upstream.requests.at(-1)).toMatchObject({ path: "/calls", body: MESSAGE });
});

test("a response is changed", async () => {
  const slow = await ask("/slow");
  expect(slow.answer).toMatchObject({ status: 200, body: TEN + TEN, trailers: [["x-end", "1"]] });
  expect(slow.ms).toBeGreaterThan(150);
  expect((await ask("/short")).answer).toMatchObject({ status: 502, body: `${TEN}012`, end: "whole" });
  const both = await ask("/both");
  expect(both.answer).toMatchObject({ body: `${TEN}012`, trailers: [["x-end", "1"]] });
  expect(both.ms).toBeGreaterThan(100);
});

test("a client that leaves while it is held ends the fault", async () => {
  const active = async () => [...(await envoy.admin.stats("\\.active_faults;rule=left$"))][0]?.[1];
  const left = send(envoy.url, { path: "/left", timeoutMs: 1000 });
  const gone = expect(left).rejects.toThrow("no whole answer");
  await expect.poll(active).toBe(1);
  await gone;
  await expect.poll(active).toBe(0);
});

test("seven hundred requests of all kinds leave nothing and end no VM", async () => {
  const paths = ["/delay", "/late", "/abort", "/hole", "/slow", "/short", "/"];
  for (let i = 0; i < 10; i++)
    await Promise.all(Array.from({ length: 70 }, (_, j) => ask(paths[j % 7] ?? "/")));
  const stats = [...(await envoy.admin.stats("active_faults|vm_reload$"))];
  expect(stats.length).toBeGreaterThan(1);
  expect(stats.filter(([, value]) => value !== 0)).toEqual([]);
});
