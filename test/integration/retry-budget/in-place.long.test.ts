// A whole configuration with the budget's settings in the chain of each cluster, as `render envoy`
// writes it: each has the name of its cluster, and a budget of its own.

import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { frontConfiguration } from "../../../compose/front/plan.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { type EnvoyProcess, startEnvoyProcess } from "../../../envoy/runtime/process.js";
import { send } from "../../../kit/envoy/client.js";
import { filterModule } from "../../../toolchain/compile/filter-module.js";
import { catalogUse } from "../../support/catalog-use.js";
import { type LoadUpstream, RETRIES, startLoadUpstream } from "./budget-envoy.js";

const PER_SECOND = 1;
/** In the window of a minute. */
const MOST = 60;
/** More than the budget, if all were retried. */
const REQUESTS = 30;

let folder: string;
let upstreams: readonly [LoadUpstream, LoadUpstream];
let envoy: EnvoyProcess;
let url: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "retry-budget-in-place-")));
  upstreams = [await startLoadUpstream(), await startLoadUpstream()];
  const modules = new Map<string, string>();
  for (const name of ["header-routing", "retry-budget"]) modules.set(name, await filterModule(name));
  const [port = 0, adminPort = 0] = await freePorts(2);
  const [fallback, second] = upstreams.map((each) => ({ address: "127.0.0.1", port: each.port }));
  if (fallback === undefined || second === undefined) throw new Error("there are two upstreams");
  const bootstrap = frontConfiguration({
    port,
    adminPort,
    upstreams: { fallback, named: { second } },
    filters: [
      catalogUse("header-routing", {
        rules: [{ name: "second", match: { path: { exact: "/second" } }, destination: "second" }],
      }),
      catalogUse("retry-budget", {
        budgets: [{ name: "each", ratio: { percentage: 0, ttl: "1m", minRetriesPerSecond: PER_SECOND } }],
      }),
    ],
    route: { retryPolicy: { retryOn: ["5xx"], numRetries: RETRIES } },
    modulePath: ({ filter }) => modules.get(filter) ?? "",
  });
  envoy = await startEnvoyProcess({
    binary: await findEnvoy({}),
    bootstrap,
    directory: folder,
    name: "front",
    workers: 2,
  });
  url = `http://127.0.0.1:${port}`;
}, 120_000);

afterAll(async () => {
  await envoy?.stop();
  for (const each of upstreams ?? []) await each[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test("the budget of one cluster is spent, and that of the other is whole until its own is", async () => {
  const retries = () => upstreams.map((each) => each.retries());
  for (let i = 0; i < REQUESTS; i++) await send(url);
  expect(retries()).toEqual([MOST, 0]);
  for (let i = 0; i < REQUESTS; i++) await send(`${url}/second`);
  expect(retries()).toEqual([MOST, MOST]);
});
