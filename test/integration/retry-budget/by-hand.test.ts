// The Envoy configuration on retry-budget's page, as an operator copies it: no part of the toolkit
// writes it.

import { mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { freePorts } from "../../../envoy/runtime/ports.js";
import type { RunningEnvoy } from "../../../envoy/runtime/running.js";
import { send } from "../../../kit/envoy/client.js";
import { addressesOf, chooseRuntime, launch } from "../../../kit/envoy/runtime.js";
import { filterModule } from "../../../toolchain/compile/filter-module.js";
import { type LoadUpstream, startLoadUpstream } from "./budget-envoy.js";

const README = fileURLToPath(new URL("../../../filters/retry-budget/README.md", import.meta.url));
/** Much more than twenty per cent of the requests. */
const RESERVE = 100;

let folder: string;
let upstream: LoadUpstream;
let envoy: RunningEnvoy;
let url: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "retry-budget-by-hand-")));
  upstream = await startLoadUpstream();
  const module = await filterModule("retry-budget");
  const runtime = await chooseRuntime({});
  const { listen, host } = addressesOf(runtime);
  const [port = 0, adminPort = 0] = await freePorts(2);
  const blocks = [...(await readFile(README, "utf8")).matchAll(/```yaml\n(.*?)```/gs)].map(
    ([, text = ""]) => text,
  );
  const text = blocks.find((block) => block.startsWith("static_resources:")) ?? "";
  const placed = text
    .replace("address: 127.0.0.1, port_value: 10000", `address: ${listen}, port_value: ${port}`)
    .replace("address: 127.0.0.1, port_value: 8080", `address: ${host}, port_value: ${upstream.port}`)
    .replace("/etc/envoy/retry-budget.wasm", module);
  envoy = await launch(runtime, {
    bootstrap: {
      admin: { address: { socket_address: { address: listen, port_value: adminPort } } },
      ...parse(placed),
    },
    directory: folder,
    workers: 2,
    ports: [port, adminPort],
    readableFolders: [path.dirname(module)],
  });
  url = `http://127.0.0.1:${port}`;
}, 120_000);

afterAll(async () => {
  await envoy?.stop();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test("limits the retries, and the client sees the upstream's own failure and no mark of the filter", async () => {
  const answers = [];
  for (let i = 0; i < 60; i++) answers.push(await send(url));
  for (const response of answers) {
    expect([response.status, response.body, response.header("x-own")]).toEqual([503, "own failure", "own"]);
    expect(response.header("x-envoy-ratelimited")).toBeUndefined();
  }
  // Without the budget the router would make 180.
  const retries =
    (await envoy.admin.stats("upstream_rq_retry$")).get("cluster.orders.upstream_rq_retry") ?? 0;
  expect(retries).toBeGreaterThanOrEqual(RESERVE);
  expect(retries).toBeLessThanOrEqual(RESERVE + 0.2 * answers.length);
});
