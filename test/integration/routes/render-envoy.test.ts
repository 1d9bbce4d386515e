// What `render envoy` writes, in stock Envoy: an operator's file with the filters in it, whole
// configurations, and filters' files that are renamed while Envoy runs.

import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import type { Bootstrap } from "../../../envoy/config/bootstrap.js";
import { type EnvoyBinary, findEnvoy } from "../../../envoy/runtime/find.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { startEnvoyProcess } from "../../../envoy/runtime/process.js";
import { validateBootstrap } from "../../../envoy/runtime/validate.js";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { amount } from "../../support/amount.js";
import { runLoad } from "../../support/load.js";
import { runMain } from "../commands/run-main.js";
import { ownEnvoy } from "./own-envoy.js";

const TEST_MS = 100_000;
const WAIT = { timeout: 30_000, interval: 50 };

let folder: string;
let binary: EnvoyBinary;
let upstreams: readonly [Upstream, Upstream];
let received = 0;

const at = (name: string) => path.join(folder, name);
const write = (name: string, text: string) => writeFile(at(name), text);
const render = (...words: string[]) => runMain(["render", "envoy", ...words], folder);
const settings = (text: string) => `rules: [{ name: all, abort: { status: ${text} } }]\n`;

/** Starts Envoy from a file. */
async function start(file: string) {
  const bootstrap = parse(await readFile(at(file), "utf8")) as Bootstrap;
  return startEnvoyProcess({ binary, bootstrap, directory: at("run"), name: path.basename(file, ".yaml") });
}

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "render-envoy-")));
  binary = await findEnvoy({});
  const respond = ({ path: asked }: { readonly path: string }) => ({ status: asked === "/fail" ? 503 : 200 });
  upstreams = [await startUpstream({ respond }), await startUpstream({ respond })];
}, TEST_MS);
afterAll(async () => {
  for (const upstream of upstreams ?? []) await upstream[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe("an operator's envoy.yaml with the filters in it", { timeout: TEST_MS }, () => {
  const CHAIN = [
    "header-routing=routing.yaml",
    "fault-injection@/teapot=teapot.yaml",
    "fault-injection@/private=private.yaml",
    "retry-budget=budget.yaml",
  ];
  let own: string;
  let port = 0;
  let diff = "";

  beforeAll(async () => {
    const [listener = 0, admin = 0] = await freePorts(2);
    port = listener;
    own = ownEnvoy({ port, admin, upstreams: [upstreams[0].port, upstreams[1].port] });
    await write("envoy.yaml", own);
    // The header comes from the operator's own filter, which has run before.
    await write(
      "routing.yaml",
      "rules: [{ name: lua, match: { headers: [{ name: x-group, exact: lua }], path: { prefix: /new } }, destination: v2 }]\n",
    );
    await write("teapot.yaml", settings("418"));
    await write("private.yaml", settings("420"));
    await write(
      "budget.yaml",
      "budgets: [{ name: none, ratio: { percentage: 0, minRetriesPerSecond: 0 } }]\n",
    );
    const words = [...CHAIN, "--patch", "envoy.yaml", "--destination", "v2=orders-v2"];
    const { exitCode, stdout, stderr } = await render(...words);
    expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining("warning")]);
    diff = stdout;
    expect((await render(...words, "--output", "patched")).exitCode).toBe(0);
  }, TEST_MS);

  it("keeps every line that is the operator's, and is shown as a diff", async () => {
    const lines = diff.split("\n");
    expect(lines.filter((line) => line.startsWith("-") && !line.startsWith("---"))).toEqual([]);
    const patched = (await readFile(at("patched/envoy.yaml"), "utf8")).split("\n");
    const added = lines.filter((line) => line.startsWith("+") && !line.startsWith("+++")).length;
    expect(patched).toHaveLength(own.split("\n").length + added);
    let from = 0;
    for (const line of own.split("\n")) {
      const found = patched.indexOf(line, from);
      expect(found, line).toBeGreaterThanOrEqual(from);
      from = found + 1;
    }
  });

  it("tells the budget of each cluster its name", async () => {
    const file = parse(await readFile(at("patched/envoy.yaml"), "utf8")) as Bootstrap;
    const told = file.static_resources.clusters.map((cluster) => [
      cluster.name,
      /per\W+cluster\W+([\w-]+)/.exec(JSON.stringify(cluster))?.[1],
    ]);
    expect(told).toEqual(
      expect.arrayContaining([
        ["orders", "orders"],
        ["orders-v2", "orders-v2"],
      ]),
    );
  });

  it("changes nothing at a second run", async () => {
    const words = [...CHAIN, "--destination", "v2=orders-v2"];
    expect(await render(...words, "--patch", "patched/envoy.yaml")).toMatchObject({
      exitCode: 0,
      stdout: "",
      stderr: expect.stringContaining("Nothing to change"),
    });
  });

  it("serves: our filters after the operator's, on their routes, and before the upstream", async () => {
    await using _envoy = await start("patched/envoy.yaml");
    const url = `http://127.0.0.1:${port}`;
    const status = async (asked: string) => (await send(`${url}${asked}`)).status;
    expect(await status("/healthz")).toBe(204);
    expect(await status("/static/teapot")).toBe(200);
    expect([await status("/teapot"), await status("/teapot/x"), await status("/tea")]).toEqual([
      418, 418, 200,
    ]);
    // jwt_authn stands before.
    expect(await status("/private")).toBe(401);
    const before = upstreams.map(({ requests }) => requests.length);
    expect([await status("/new"), await status("/old")]).toEqual([200, 200]);
    expect(upstreams.map(({ requests }, i) => requests.length - (before[i] ?? 0))).toEqual([1, 1]);
    // The budget of each attempt allows no retry.
    received = upstreams[0].requests.length;
    const failed = await send(`${url}/fail`);
    expect([failed.status, failed.header("x-envoy-ratelimited")]).toEqual([503, undefined]);
    expect(upstreams[0].requests.length - received).toBe(1);
  });

  it("takes new settings from a file that is renamed to its place, under load", async () => {
    const words = [
      "fault-injection@/teapot=teapot.yaml",
      "--patch",
      "envoy.yaml",
      "--files",
      at("live/filters"),
    ];
    expect((await render(...words, "--output", "live")).exitCode).toBe(0);
    expect(await readdir(at("live/filters"))).toEqual(["meshwright.fault-injection.yaml"]);
    await using _envoy = await start("live/envoy.yaml");
    const load = (of: string) =>
      runLoad({ port, path: of, forMs: amount(6_000, 2_000), connections: 8, rate: 150 });
    const loads = Promise.all([load("/teapot/{n}"), load("/other/{n}")]);
    await write("teapot.yaml", settings("421"));
    expect(await render(...words, "--output", "live")).toMatchObject({
      exitCode: 0,
      stdout: "live/filters/meshwright.fault-injection.yaml\n",
    });
    await vi.waitFor(
      async () => expect((await send(`http://127.0.0.1:${port}/teapot`)).status).toBe(421),
      WAIT,
    );
    const [teapot, other] = await loads;
    expect(Object.keys(teapot.statuses).filter((status) => !["418", "421"].includes(status))).toEqual([]);
    expect(other.statuses).toEqual({ 200: other.answers.length });
  });
});

describe("whole configurations", { timeout: TEST_MS }, () => {
  it("serve in front of a service, with settings in place and in files", async () => {
    await write("teapot.yaml", settings("418"));
    const [port = 0, admin = 0] = await freePorts(2);
    const words = [
      ...["fault-injection@/teapot=teapot.yaml", "--upstream", `http://127.0.0.1:${upstreams[0].port}`],
      ...["--port", String(port), "--admin-port", String(admin)],
    ];
    for (const form of [
      ["--output", "static"],
      ["--output", "files", "--files", at("files/filters")],
    ]) {
      expect((await render(...words, ...form)).exitCode).toBe(0);
      await using _envoy = await start(`${form[1]}/envoy.yaml`);
      const status = async (asked: string) => (await send(`http://127.0.0.1:${port}${asked}`)).status;
      expect([await status("/teapot"), await status("/")]).toEqual([418, 200]);
    }
    const printed = await render(...words);
    expect(printed.stdout).toBe(await readFile(at("static/envoy.yaml"), "utf8"));
    expect((await render(...words, "--diff", "static")).exitCode).toBe(0);
    await write("teapot.yaml", settings("421"));
    expect(await render(...words, "--diff", "static/envoy.yaml")).toMatchObject({
      exitCode: 13,
      stdout: expect.stringMatching(/^-.*418.*\n\+.*421/m),
    });
  });

  it("are there for every Envoy of a mesh, and Envoy accepts them", async () => {
    await write(
      "mesh.yaml",
      `name: shop
gateway: { routes: [{ prefix: /, service: web }], filters: [{ filter: trace-headers }] }
services:
  web: { versions: { v1: { url: "http://127.0.0.1:${upstreams[0].port}" } } , calls: [] }
filters: [{ filter: fault-injection, at: [inbound], routes: [{ prefix: /teapot }], config: { rules: [{ name: all, abort: { status: 418 } }] } }]
`,
    );
    // Below the ports that the system gives to others, because several in a row must be free.
    const first = 20_000 + 20 * (process.pid % 500);
    expect(await render("mesh.yaml", "--first-port", String(first), "--output", "mesh")).toMatchObject({
      exitCode: 0,
      stdout: "mesh/gateway.yaml\nmesh/web_v1.yaml\n",
    });
    for (const name of ["gateway", "web_v1"]) {
      await validateBootstrap(binary, parse(await readFile(at(`mesh/${name}.yaml`), "utf8")) as object);
    }
    await using _web = await start("mesh/web_v1.yaml");
    const { static_resources } = parse(await readFile(at("mesh/web_v1.yaml"), "utf8")) as Bootstrap;
    const inbound = static_resources.listeners[0]?.address.socket_address.port_value;
    const status = async (asked: string) => (await send(`http://127.0.0.1:${inbound}${asked}`)).status;
    expect([await status("/teapot"), await status("/")]).toEqual([418, 200]);
  });
});
