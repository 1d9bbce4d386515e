// `meshwright run` with filters for some paths: requests of other paths never enter the module, in
// either chain, and two paths have two settings.

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { describeEvent } from "../../../compose/events.js";
import { parseFilterFiles, parseUpstreams } from "../../../compose/front/arguments.js";
import { type RunningFront, startFront } from "../../../compose/front/start.js";
import { AdminClient } from "../../../envoy/runtime/admin.js";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { amount } from "../../support/amount.js";
import { runLoad } from "../../support/load.js";
import { type AuthorPackage, authorPackage } from "../commands/author-package.js";
import { runMain } from "../commands/run-main.js";
import { COUNTER } from "./counter.js";

const TEST_MS = 100_000;
const WAIT = { timeout: 60_000, interval: 50 };

let author: AuthorPackage;
let upstream: Upstream;
let front: RunningFront;
const told: string[] = [];

const at = (name: string) => path.join(author.root, name);
const settings = (name: string) => writeFile(at(`${name}.yaml`), `name: ${name}\n`);

/** How many streams entered the module so far, by the name in the settings. */
async function entered(): Promise<Record<string, number>> {
  // Envoy 1.36 counts for each cluster's chain.
  const found = await new AdminClient(front.adminUrl).stats("wasmcustom\\.counter\\.");
  const counts: Record<string, number> = {};
  for (const [stat, count] of found) {
    const name = stat.slice(stat.indexOf("=") + 1);
    counts[name] = (counts[name] ?? 0) + count;
  }
  return counts;
}

/** The streams that requests of these paths, one each, make enter the module. */
async function entries(...paths: string[]): Promise<Record<string, number>> {
  const before = await entered();
  for (const each of paths) expect((await send(`${front.url}${each}`)).status).toBe(200);
  const after = await entered();
  const changed = Object.entries(after).filter(([name, count]) => count !== (before[name] ?? 0));
  return Object.fromEntries(changed.map(([name, count]) => [name, count - (before[name] ?? 0)]));
}

beforeAll(async () => {
  author = await authorPackage();
  await author.write("filters/counter/index.ts", COUNTER);
  upstream = await startUpstream();
  for (const name of ["shop", "admin", "attempt"]) await settings(name);
  const counter = at("filters/counter");
  front = await startFront({
    upstreams: parseUpstreams([`http://127.0.0.1:${upstream.port}`]),
    filters: parseFilterFiles([
      `${counter}@/shop,-/shop/healthz=${at("shop.yaml")}`,
      `${counter}@/admin=${at("admin.yaml")}`,
      `${counter}@upstream@/shop,/attempts=${at("attempt.yaml")}`,
    ]),
    workers: 2,
    port: 0,
    cwd: author.root,
    modules: at("build"),
    onEvent: (event) => told.push(...describeEvent(event)),
  });
}, TEST_MS);
afterAll(async () => {
  await front?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await author?.[Symbol.asyncDispose]();
});

describe("filters for some paths", { timeout: TEST_MS }, () => {
  it("see the requests of their paths and no others", async () => {
    expect(await entries("/", "/other", "/sho", "/?x=/shop", "/Shop")).toEqual({});
    expect(await entries("/shop", "/shop/1?q=1", "//shop///2", "/x/../shop")).toEqual({
      shop: 4,
      attempt: 4,
    });
    expect(await entries("/shop/healthz")).toEqual({ attempt: 1 });
  });

  it("have the settings of their paths, in both chains", async () => {
    expect(await entries("/admin", "/admin/users")).toEqual({ admin: 2 });
    expect(await entries("/attempts")).toEqual({ attempt: 1 });
  });

  it("take new settings under load without losing a request", async () => {
    const port = Number(new URL(front.url).port);
    const load = (of: string) =>
      runLoad({ port, path: of, forMs: amount(6_000, 2_500), connections: 8, rate: 150 });
    const loads = Promise.all(["/shop/{n}", "/other/{n}"].map(load));
    const edits = ["shop-2", "shop-3"];
    for (const edit of edits) {
      const before = told.length;
      await writeFile(at("shop.yaml"), `name: ${edit}\n`);
      await vi.waitFor(
        () => expect(told.slice(before)).toContainEqual(expect.stringMatching(/^applied/)),
        WAIT,
      );
    }
    const [shop, other] = await loads;
    const sent = (shop?.answers.length ?? 0) + (other?.answers.length ?? 0);
    expect([shop?.statuses, other?.statuses]).toEqual([
      { 200: shop?.answers.length },
      { 200: other?.answers.length },
    ]);
    expect(sent).toBeGreaterThan(200);
    expect(await entries("/shop", "/other")).toEqual({ "shop-3": 1, attempt: 1 });
  });

  it("keep their settings where an edit is refused", async () => {
    const before = told.length;
    await writeFile(at("shop.yaml"), "name: 7\n");
    await expect.poll(() => told.slice(before).join("\n")).toMatch(/refused/);
    expect(await entries("/shop", "/other")).toEqual({ "shop-3": 1, attempt: 1 });
  });
});

describe("the command line", () => {
  const run = (...filters: string[]) =>
    runMain(
      [
        "run",
        "--upstream",
        "http://127.0.0.1:1",
        "--print-config",
        ...filters.flatMap((each) => ["--filter", each]),
      ],
      author.root,
    );

  it("prints a filter that is disabled but on its routes", async () => {
    const { exitCode, stdout } = await run("counter@/a=admin.yaml");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/disabled: true/);
    expect(stdout).toMatch(/typed_per_filter_config:\n\s+1-counter:/);
  });

  it.each([
    [["counter@/a,b=admin.yaml"], /the prefix "b": must begin with "\/"/],
    [["counter@-/a=admin.yaml"], /names no path on which the filter runs/],
    [["counter@/a,/a=admin.yaml"], /the prefix "\/a" is there twice/],
    [["counter@/a/../b=admin.yaml"], /which Envoy resolves/],
    [["counter=admin.yaml", "counter@/a=attempt.yaml"], /admin.yaml and attempt.yaml are both for "\/a"/],
    [["counter@/=admin.yaml", "counter@/a,-/a/b=attempt.yaml"], /are both for "\/a"/],
  ])("refuses %j", async (filters, reason) => {
    const { exitCode, stderr } = await run(...filters);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(reason);
  });
});
