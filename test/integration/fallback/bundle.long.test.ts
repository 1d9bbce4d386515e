// fallback in one module with the filters whose answers it replaces. It must see them as it does in
// a chain, and a filter before it must not see the kept answer.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList, UpstreamResponse } from "../../../kit/traffic.js";
import { buildBundle } from "../../../toolchain/bundle/bundle.js";

const CONFIGURATIONS: Readonly<Record<string, Json>> = {
  "trace-headers": { responseHeader: "x-trace" },
  fallback: { explainHeader: "x-fallback", rules: [{ name: "all" }] },
  "circuit-breaker": {
    rules: [
      { name: "forced", match: { headers: [{ name: "x-open", present: true }] }, force: "open" },
      { name: "tripped", trip: { consecutive: 1 }, open: { sleep: "1h" }, key: [{ header: "x-tenant" }] },
    ],
  },
  deadline: { header: { trusted: true }, rules: [{ name: "all" }] },
};
const NAMES = Object.keys(CONFIGURATIONS);

let folder: string;
let upstream: Upstream;
let envoys: readonly TestEnvoy[] = [];
let answer: UpstreamResponse;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-fallback-"));
  upstream = await startUpstream({ respond: () => answer });
  await buildBundle("with-fallback", NAMES, { outDir: folder });
  const bundle = {
    name: "bundle",
    module: path.join(folder, "with-fallback.wasm"),
    configuration: CONFIGURATIONS,
  };
  const chain = NAMES.map((name) => ({ name, module: name, configuration: CONFIGURATIONS[name] ?? {} }));
  envoys = await Promise.all(
    [chain, [bundle]].map((filters) =>
      startEnvoy({ filters, upstreams: { upstream }, routeOptions: { timeoutSeconds: 1 } }),
    ),
  );
}, 180_000);

afterAll(async () => {
  for (const envoy of envoys) await envoy[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** What a client sees of the filters, in the chain and in the bundle. */
async function seen(url: string, headers: HeaderList) {
  const response = await send(url, { headers });
  return {
    status: response.status,
    body: response.body,
    fallback: response.header("x-fallback"),
    reason: /detail="(.*)"/.exec(response.header("cache-status") ?? "")?.[1],
    hasTrace: response.header("x-trace") !== undefined,
    retryAfter: response.header("retry-after") !== undefined,
  };
}

async function both(headers: HeaderList = []) {
  const [chain, bundle] = await Promise.all(envoys.map(({ url }) => seen(url, headers)));
  expect(bundle).toEqual(chain);
  return bundle;
}

test("a bundle's fallback replaces what its own neighbours and the router answer", async () => {
  answer = { body: "good" };
  expect(await both()).toMatchObject({ body: "good", hasTrace: true });
  for (const { admin } of envoys) {
    const kept = async () =>
      [...(await admin.stats("fallback\\.answers_total;rule=all;outcome=kept"))].map(([, value]) => value);
    await expect.poll(kept).toEqual([1]);
  }
  const served = (reason: string) => ({
    status: 200,
    body: "good",
    reason,
    hasTrace: false,
    retryAfter: false,
  });
  expect(await both([["x-open", "1"]])).toMatchObject(served("circuit_open"));
  expect(await both([["x-request-timeout-ms", "0"]])).toMatchObject(served("deadline_exceeded"));
  answer = { fault: "never" };
  expect(await both([["x-request-timeout-ms", "200"]])).toMatchObject(served("timeout"));
  answer = { status: 500, body: "bad" };
  expect(await both([["x-tenant", "a"]])).toMatchObject(served("status"));
  answer = { body: "new" };
  expect(await both([["x-tenant", "a"]])).toMatchObject(served("circuit_open"));
  expect(await both([["x-tenant", "b"]])).toMatchObject({ status: 200, body: "new" });
  for (const envoy of envoys) expect(envoy.logs()).not.toContain("Function: proxy_on_");
});
