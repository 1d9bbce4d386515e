// What a worker's VM had in progress when a trap ended it does not count against the other VMs for
// good. No test can make the filter trap, so this test adds a trap to its module.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import binaryen from "assemblyscript/binaryen";
import { afterAll, beforeAll, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { filterModule } from "../../../toolchain/compile/filter-module.js";
import { type BudgetEnvoy, FILTER, startBudgetEnvoy } from "./budget-envoy.js";

/** The filter forgets a VM from which it has not heard for half a minute. */
const FORGOTTEN = { timeout: 50_000, interval: 500 };

let folder: string;
let upstream: Upstream;
let budget: BudgetEnvoy;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "retry-budget-trap-"));
  const module = path.join(folder, "trapping.wasm");
  await writeFile(module, trappingOnBody(await readFile(await filterModule(FILTER))));
  upstream = await startUpstream({
    respond: ({ path, header }) => {
      if (path === "/good") return { body: "good" };
      if (header("x-envoy-attempt-count") === "1") return { status: 503 };
      return path === "/hangs" ? { fault: "never" } : { body: "good" };
    },
  });
  budget = await startBudgetEnvoy({
    upstreams: { upstream },
    module,
    workers: 1,
    configuration: { budgets: [{ name: "one", concurrency: { percentage: 0, minRetryConcurrency: 1 } }] },
  });
});

afterAll(async () => {
  await budget?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** The module, with a callback for a request's body that ends the VM. */
function trappingOnBody(binary: Uint8Array): Uint8Array {
  const module = binaryen.readBinary(binary);
  try {
    const three = binaryen.createType([binaryen.i32, binaryen.i32, binaryen.i32]);
    module.addFunction("trap", three, binaryen.i32, [], module.unreachable());
    module.addFunctionExport("trap", "proxy_on_request_body");
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

const get = (path: string, timeoutMs = 20_000) => send(budget.envoy.url, { path, timeoutMs });

test("a retry that was in progress in a VM that trapped is returned", { timeout: 70_000 }, async () => {
  expect(await get("/fails")).toMatchObject({ status: 200 });
  const gone = expect(get("/hangs", 2000)).rejects.toThrow("no whole answer");
  await expect.poll(() => upstream.requests.filter(({ path }) => path === "/hangs")).toHaveLength(2);
  expect((await send(budget.envoy.url, { path: "/good", body: "a body" })).status).toBe(503);
  await expect.poll(async () => (await get("/good")).status).toBe(200);
  // The old VM does not learn that its stream ends.
  await gone;
  expect((await get("/fails")).status).toBe(503);
  await expect.poll(async () => (await get("/fails")).status, FORGOTTEN).toBe(200);
});
