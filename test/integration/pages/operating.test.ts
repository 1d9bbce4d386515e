// docs/operating.md: its gateway in stock Envoy, every block of it, and what its tables say.
// `operating.long.test.ts` has the commands that need npm, Prometheus and the dashboard.

import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { statsTags } from "../../../envoy/config/stats-tags.js";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import type { EnvoyProcess } from "../../../envoy/runtime/process.js";
import { envoyReleases } from "../../../envoy/runtime/releases.js";
import { BUNDLES } from "../../../filters/bundles.js";
import { FILTERS, metricLabels } from "../../../filters/catalog.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { bundlePlace } from "../../../toolchain/bundle/entry.js";
import { buildFilters } from "../../../toolchain/compile/build.js";
import { sourceAt } from "../../../toolchain/compile/source.js";
import { compileProbe, compileTestBundle } from "../../support/compile-probe.js";
import { runLoad } from "../../support/load.js";
import { gatewayText, makePlace, type Place, startGateway, withEntry } from "./gateway.js";
import { BLOCKS, blockOf, commandsWith, PAGE, tableAfter } from "./operating-page.js";
import { PageShell } from "./page-shell.js";

const RELOAD = "extension_config_discovery.http_filter.rate-limit.config_reload";
const REJECTED = "extension_config_discovery.http_filter.rate-limit.update_rejected";
const DISCOVERED = "/etc/envoy/filters/rate-limit.yaml";
const WAIT = { timeout: 10_000, interval: 50 };

const bearer = (token: string): [string, string] => ["authorization", `Bearer ${token}`];

test("every block of the page is one that this file or its neighbours take", () => {
  expect(BLOCKS.filter(({ info }) => info !== "sh").map(({ info }) => info)).toEqual([
    "yaml limits.yaml",
    "yaml discovered",
    `yaml ${DISCOVERED}`,
    "yaml bundle",
    "yaml bootstrap",
    "yaml prometheus.yml",
    "yaml access_log",
    "yaml tracing",
  ]);
  expect(BLOCKS.filter(({ info }) => info === "sh")).toHaveLength(4);
});

describe("the gateway of the page", () => {
  let place: Place;
  let envoy: EnvoyProcess;
  beforeAll(async () => {
    place = await makePlace({
      respond: (request) => ({ status: request.path === "/fails" ? 503 : 200 }),
    });
    envoy = await startGateway(place);
  });
  afterAll(async () => {
    await envoy?.[Symbol.asyncDispose]();
    await place?.[Symbol.asyncDispose]();
  });

  const ask = (headers: HeaderList = [], more: object = {}) => send(place.url, { headers, ...more });
  const traceOf = (response: { headers: HeaderList }) =>
    response.headers.find(([name]) => name === "x-trace-id")?.[1];

  test("a preflight without a token is cors' own answer, and has a trace", async () => {
    const asked = place.authz.requests.length;
    const answer = await ask(
      [
        ["origin", "https://shop.example"],
        ["access-control-request-method", "GET"],
      ],
      { method: "OPTIONS" },
    );
    expect(answer.headers).toContainEqual(["access-control-allow-origin", "https://shop.example"]);
    expect(traceOf(answer)).toMatch(/^[0-9a-f]{32}$/);
    expect(place.authz.requests).toHaveLength(asked);
  });

  test("a bad token is refused before it counts, with a trace", async () => {
    const asked = place.authz.requests.length;
    const answer = await ask([bearer("x")]);
    expect(answer.status).toBe(401);
    expect(traceOf(answer)).toMatch(/^[0-9a-f]{32}$/);
    expect(place.authz.requests).toHaveLength(asked);
  });

  test("a user's sixth request in a minute is refused, and does not reach the service that authorizes", async () => {
    const token = place.token({ sub: "ann" });
    const asked = place.authz.requests.length;
    const statuses = [];
    for (let i = 0; i < 7; i++) statuses.push((await ask([bearer(token)])).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
    expect(place.authz.requests).toHaveLength(asked + 5);
    expect(place.authz.requests.at(-1)?.header("traceparent")).toMatch(/^00-/);
    expect((await ask()).status).toBe(200);
  });

  test("a rule reads what Lua wrote, and a client's own destination decides nothing", async () => {
    const [one, two] = [place.v1.requests.length, place.v2.requests.length];
    await ask([["host", "acme.shop.example"]]);
    expect(place.v2.requests.length).toBe(two + 1);
    expect(place.v2.requests.at(-1)?.header("x-mesh-destination")).toBe("v2");
    await ask([["x-mesh-destination", "v2"]]);
    expect(place.v1.requests.length).toBe(one + 1);
  });

  test("a drill meets a request, and the budget bounds the retries of what fails", async () => {
    expect((await ask([["x-drill", "abort"]])).status).toBe(503);
    const before = place.v1.requests.length;
    for (let i = 0; i < 40; i++) await send(`${place.url}/fails`);
    const attempts = place.v1.requests.length - before;
    // A fifth of the requests, and one a second over ten seconds.
    expect(attempts - 40).toBeGreaterThan(0);
    expect(attempts - 40).toBeLessThanOrEqual(40 * 0.2 + 20);
    const stats = await envoy.admin.stats("retry_budget");
    expect(
      stats.get("wasmcustom.meshwright.retry_budget.decisions_total;rule=orders;outcome=exceeded") ?? 1,
    ).toBeGreaterThan(0);
  });

  test("Prometheus has the names that the table says, with the rules and without", async () => {
    const rows = tableAfter("Metrics in Prometheus").slice(1);
    expect(rows).toHaveLength(2);
    const code = (cell = "") => cell.replaceAll("`", "");
    const [stats, tagged] = [await envoy.admin.stats("wasmcustom"), await envoy.admin.prometheus()];
    await using bare = await makePlace();
    await using plain = await startGateway(bare, (text) => text.replace(/^stats_config:\n(?: .*\n)+/m, ""));
    await send(bare.url, { headers: [["host", "acme.shop.example"]] });
    const untagged = await plain.admin.prometheus();
    for (const [inEnvoy, withRules, without] of rows.map((row) => row.map(code))) {
      expect([...stats.keys()]).toContain(inEnvoy);
      expect(tagged).toMatch(new RegExp(`^${withRules?.replaceAll(/[{}]/g, "\\$&")} \\d+$`, "m"));
      expect(untagged).toMatch(new RegExp(`^${without}\\{\\} \\d+$`, "m"));
    }
  });

  test("there are as many VMs as the page says", async () => {
    expect(PAGE).toContain("workers and two");
    const { size } = new Set(FILTERS);
    const stats = await envoy.admin.stats("wasm_runtime.*active|wasm.*v8.active");
    expect([...stats.values()]).toContain(size * (2 + 2));
  });

  test("the page's curl shows the metrics", async () => {
    await using shell = await PageShell.start(place);
    const { code, output } = await shell.run(commandsWith("curl"));
    expect(code, output).toBe(0);
    expect(output).toContain('meshwright_header_routing_decisions_total{rule="acme",destination="v2"}');
  });
});

test("the tag rules are those of the toolkit, on the page and in its file", async () => {
  const shown = parse(blockOf("yaml bootstrap"));
  expect(shown).toEqual({ stats_config: { stats_tags: statsTags(metricLabels()) } });
  expect(parse(await gatewayText())).toMatchObject(shown);
});

describe("a filter that Envoy reads from a file", () => {
  let place: Place;
  let envoy: EnvoyProcess;
  let shell: PageShell;
  const file = () => place.here(DISCOVERED);
  const counter = async (name: string) => (await envoy.admin.stats(name)).get(name) ?? 0;
  const limited = async () => (await send(place.url, { headers: [["x-user-id", "ann"]] })).status;

  beforeAll(async () => {
    place = await makePlace();
    await writeFile(file(), place.here(blockOf(`yaml ${DISCOVERED}`)));
    envoy = await startGateway(place, (text) => withEntry(text, ["rate-limit"], blockOf("yaml discovered")));
    shell = await PageShell.start(place);
  });
  afterAll(async () => {
    await shell?.[Symbol.asyncDispose]();
    await envoy?.[Symbol.asyncDispose]();
    await place?.[Symbol.asyncDispose]();
  });

  test("limits, and goes on counting when another module takes its place, with no request lost", async () => {
    const statuses = [];
    for (let i = 0; i < 6; i++) statuses.push(await limited());
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    // The same code in other bytes: what a new release is to Envoy.
    const module = await readFile(path.join(place.folder, "rate-limit.wasm"));
    await shell.write("rate-limit.wasm", Buffer.concat([module, Buffer.from([0, 3, 1, 0x76, 0x32])]));
    const before = await counter(RELOAD);
    const load = runLoad({
      port: Number(new URL(place.url).port),
      forMs: 2_000,
      rate: 200,
      headers: [["x-user-id", "user-{n}"]],
    });
    await sleep(300);
    const { code, output } = await shell.run(commandsWith("mv "));
    expect(code, output).toBe(0);
    await expect.poll(() => counter(RELOAD), WAIT).toBe(before + 1);
    const { answers, statuses: counts } = await load;
    expect(answers.length).toBeGreaterThan(100);
    expect(counts).toEqual({ 200: answers.length });
    expect(await readFile(file(), "utf8")).toContain("rate-limit-0.2.0.wasm");
    expect(await limited()).toBe(429);
  });

  test("does not see an edit in place", async () => {
    const before = await counter(RELOAD);
    await writeFile(file(), (await readFile(file(), "utf8")).replace('"limit": 5', '"limit": 500'));
    await sleep(500);
    expect(await counter(RELOAD)).toBe(before);
    expect(await limited()).toBe(429);
  });

  test.each([
    ["settings that the module refuses", ['"rules"', '"rulez"']],
    ["a module that is not there", ["rate-limit-0.2.0.wasm", "absent.wasm"]],
  ] as const)("keeps the last good ones for %s", async (_, [from, to]) => {
    const before = await counter(REJECTED);
    const good = await readFile(file(), "utf8");
    await shell.write("next.yaml", good.replace(from, to));
    await shell.run(`mv next.yaml ${file()}`);
    await expect.poll(() => counter(REJECTED), WAIT).toBe(before + 1);
    expect(await limited()).toBe(429);
    await writeFile(file(), good);
  });

  test.each(["500"])("answers %s to every request where it is refused from the start", async (status) => {
    const [head, , ...cells] =
      tableAfter("Four ways to Envoy").find(([first]) => first === "the same from the start") ?? [];
    expect(head).toBeDefined();
    expect(cells[0]).toContain(`**${status}**`);
    await using other = await makePlace();
    const text = other.here(blockOf(`yaml ${DISCOVERED}`)).replace('"rules"', '"rulez"');
    await writeFile(other.here(DISCOVERED), text);
    await using refused = await startGateway(other, (whole) =>
      withEntry(whole, ["rate-limit"], blockOf("yaml discovered")),
    );
    expect(refused.logs()).toContain("rate-limit: configuration refused: rulez: unknown key");
    for (let i = 0; i < 3; i++) expect((await send(other.url)).status).toBe(Number(status));
  });
});

test("the bundle of the page does what its filters do", async () => {
  await using place = await makePlace();
  const { filters = [] } = BUNDLES.find(({ name }) => name === "gateway") ?? {};
  const built = await buildFilters(filters);
  const parts = built.map(({ name, callbacks }) => ({
    name,
    callbacks,
    entry: path.join(PACKAGE_ROOT, "filters", name, "index.ts"),
  }));
  const base = sourceAt(bundlePlace(PACKAGE_ROOT));
  await compileTestBundle({ name: "gateway", base, parts }, path.join(place.folder, "gateway.wasm"));
  await using _ = await startGateway(place, (text) =>
    withEntry(text, ["rate-limit", "trace-headers", "header-routing"], blockOf("yaml bundle")).replace(
      // Lua writes what a rule of the bundle reads.
      /( +- name: gateway\n(?: {19}.*\n)+)([\s\S]*?)( +- name: envoy\.filters\.http\.lua\n(?: {19}.*\n)+)/,
      "$3$1$2",
    ),
  );
  const answer = await send(place.url, { headers: [["host", "acme.shop.example"]] });
  expect(answer.headers.map(([name]) => name)).toContain("x-trace-id");
  expect(place.v2.requests).toHaveLength(1);
  const statuses = [];
  for (let i = 0; i < 6; i++)
    statuses.push((await send(place.url, { headers: [["x-user-id", "ann"]] })).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
});

describe("when a module traps", () => {
  let folder: string;
  let module: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "meshwright-page-"));
    module = path.join(folder, "traps.wasm");
    await compileProbe("test/probes/traps/index.ts", module);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const [head = [], trapped = [], later = []] = tableAfter("When something breaks");
  const policies = head
    .slice(1)
    .map((cell, i) => [cell.replaceAll("`", ""), trapped[i + 1], later[i + 1]] as const);

  test.each(policies)("%s: that request gets %s, later ones: %s", async (policy, status, then = "") => {
    await using upstream = await startUpstream();
    await using envoy = await startEnvoy({
      filters: [{ name: "traps", module, failurePolicy: policy as "FAIL_OPEN" }],
      upstreams: { upstream },
      workers: 1,
    });
    expect((await send(envoy.url, { headers: [["x-do", "unreachable"]] })).status).toBe(Number(status));
    const last = then.includes("filtered") ? 200 : 503;
    await expect.poll(async () => (await send(envoy.url)).status, WAIT).toBe(last);
    // Only a filter that is there can trap again.
    const again = (await send(envoy.url, { headers: [["x-do", "unreachable"]] })).status;
    expect(again).toBe(then === "unfiltered" ? 200 : 503);
  });
});

test("the sizes in the table are those of the modules", async () => {
  const rows = tableAfter("Workers, sizes, memory");
  const built = await buildFilters(FILTERS.map(({ name }) => name));
  for (const { name, path: module } of built) {
    const [, shown] = rows.find(([first]) => first === name) ?? [];
    const { size } = await stat(module);
    expect(Math.abs(size / 1024 / Number(shown) - 1), `${name}: ${size} bytes`).toBeLessThan(0.1);
  }
});

test("the versions of Envoy are those that the toolkit fetches", async () => {
  const row = tableAfter("Tested versions").find(([first]) => first === "Envoy")?.[1] ?? "";
  expect(row.match(/\d+\.\d+\.\d+/g)).toEqual(Object.keys(envoyReleases));
  expect((await findEnvoy()).version).toMatch(/^\d/);
});
