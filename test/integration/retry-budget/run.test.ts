// The page of retry-budget as a reader would try it: `meshwright run` with its example before a
// plain HTTP server that fails.

import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { runLoad } from "../../support/load.js";
import { CliProcess } from "../commands/cli-process.js";
import { type LoadUpstream, RETRIES, startLoadUpstream } from "./budget-envoy.js";

const README = fileURLToPath(new URL("../../../filters/retry-budget/README.md", import.meta.url));
/** One or two whole starts, on a machine that is busy with other tests. */
const TEST_MS = 100_000;
const NOTHING = "budgets: [{ name: nothing, ratio: { percentage: 0, minRetriesPerSecond: 0 } }]\n";

let folder: string;
let upstream: LoadUpstream;
let command: CliProcess;
let url: string;
let adminUrl: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "retry-budget-")));
  upstream = await startLoadUpstream();
  const [, example = ""] = /```yaml\n(.*?)```/s.exec(await readFile(README, "utf8")) ?? [];
  await writeFile(path.join(folder, "budget.yaml"), example);
  command = new CliProcess(
    [
      ...["run", "--upstream", `http://127.0.0.1:${upstream.port}`, "--filter", "retry-budget=budget.yaml"],
      ...["--retry-on", "5xx,reset,connect-failure", "--retries", String(RETRIES)],
      ...["--concurrency", "2", "--port", "0"],
    ],
    folder,
  );
  [, url = "", adminUrl = ""] = await command.until(/listens on (http:\S+), admin on (http:\S+)/);
}, TEST_MS);

afterAll(async () => {
  await command?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Of one cluster, whose name Envoy then need not be asked. */
async function expectNamed(): Promise<void> {
  const dump = await (await fetch(`${adminUrl}/config_dump?resource=ecds_filters`)).text();
  expect(dump).toContain(
    JSON.stringify(JSON.stringify({ per: { cluster: "upstream" } }).slice(1, -1)).slice(1, -1),
  );
}

test("a client gets the upstream's own failure, and retries are few", { timeout: TEST_MS }, async () => {
  const { statuses } = await runLoad({ port: Number(new URL(url).port), rate: 1000, forMs: 3000 });
  const requests = upstream.attempts(1);
  expect(Object.values(statuses).reduce((sum, count) => sum + count)).toBe(requests);
  expect(upstream.retries()).toBeGreaterThan(0);
  // A fifth, and ten a second over ten seconds.
  expect(upstream.retries()).toBeLessThanOrEqual(0.2 * requests + 100);
  const response = await send(url);
  expect(response).toMatchObject({ status: 503, body: "own failure" });
  expect(response.header("x-envoy-ratelimited")).toBeUndefined();
  // The requests that have left the window meanwhile may allow a retry.
  expect(response.header("x-retry-budget")).toMatch(/^orders;outcome=(exceeded|retried)/);
  await expectNamed();
});

test("an edit of the file is applied while it runs", { timeout: TEST_MS }, async () => {
  await writeFile(path.join(folder, "budget.yaml"), NOTHING);
  await command.until(/applied: retry-budget at budget\.yaml/);
  await vi.waitFor(async () => {
    upstream.reset();
    await send(url);
    expect([upstream.attempts(1), upstream.retries()]).toEqual([1, 0]);
  }, 60_000);
  await expectNamed();
});

test("an edit that would move the filter to the other chain requires a restart", {
  timeout: TEST_MS,
}, async () => {
  await writeFile(path.join(folder, "budget.yaml"), `where: downstream\n${NOTHING}`);
  await command.until(/restart/);
  upstream.reset();
  await send(url);
  expect([upstream.attempts(1), upstream.retries()]).toEqual([1, 0]);
});
