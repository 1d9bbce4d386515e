// Lean builds under `run` in stock Envoy: which module each filter gets, a change of settings that
// needs another callback, and a lean build with settings that it cannot serve.

import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseFilterFiles, parseUpstreams } from "../../../compose/front/arguments.js";
import { type RunningFront, startFront } from "../../../compose/front/start.js";
import { inspectModule } from "../../../envoy/module/inspect.js";
import { leanModule, leftOutOf } from "../../../envoy/module/lean.js";
import { readModule } from "../../../envoy/module/read.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { compiledModule } from "../../../kit/host/compiled.js";
import { idleCallbacks } from "../../../kit/host/idle-callbacks.js";
import { filterModule } from "../../../toolchain/compile/filter-module.js";

const TEST_MS = 100_000;
const HOUR = { limit: 2, unit: "hour" };
const BY_USER = [{ header: "x-user" }];

let folder: string;
let upstream: Upstream;
let front: RunningFront;

const at = (name: string) => path.join(folder, name);
const write = (name: string, value: object) => writeFile(at(name), JSON.stringify(value));
const usersOf = (fields: object) => ({ rules: [{ name: "users", key: BY_USER, local: HOUR }], ...fields });

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "lean-")));
  upstream = await startUpstream({ respond: () => ({ body: "ok" }) });
  await write("routes.json", { rules: [{ name: "all", destination: "v1" }] });
  await write("users.json", usersOf({}));
  await write("answers.json", usersOf({ headers: "ietf" }));
  await write("trace.json", {});
  const url = `http://127.0.0.1:${upstream.port}`;
  front = await startFront({
    upstreams: parseUpstreams([url, `v1=${url}`]),
    filters: parseFilterFiles([
      `header-routing=${at("routes.json")}`,
      `rate-limit=${at("users.json")}`,
      `rate-limit=${at("answers.json")}`,
      `trace-headers=${at("trace.json")}`,
    ]),
    port: 0,
    workers: 2,
    cwd: folder,
  });
}, TEST_MS);
afterAll(async () => {
  await front?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** The callbacks of streams that the module lacks which runs the filter of that name in Envoy. */
async function lacking(name: string): Promise<readonly string[]> {
  const dump = await (await fetch(`${front.adminUrl}/config_dump?resource=ecds_filters`)).json();
  const filters = (dump as { readonly configs: readonly Dumped[] }).configs.map(
    ({ ecds_filter }) => ecds_filter,
  );
  const found = filters.find((each) => each.name === name);
  const module = found?.typed_config.config.vm_config.code.local.filename ?? "";
  return leftOutOf(readModule(await readFile(module))).map((each) => each.replace("proxy_on_", ""));
}

interface Dumped {
  readonly ecds_filter: {
    readonly name: string;
    readonly typed_config: {
      readonly config: { readonly vm_config: { readonly code: { readonly local: { filename: string } } } };
    };
  };
}

const as = (user: string) => send(front.url, { headers: [["x-user", user]] });

test("each filter runs without the callbacks that its own settings do not need", {
  timeout: TEST_MS,
}, async () => {
  expect(await lacking("1-header-routing")).toEqual(["response_headers", "context_create", "delete"]);
  expect(await lacking("2-rate-limit")).toEqual([
    "response_headers",
    "response_body",
    "context_create",
    "delete",
  ]);
  // Two plugins of one module: the other one writes to responses.
  expect(await lacking("3-rate-limit")).toEqual(["response_body", "context_create"]);
  expect(await lacking("4-trace-headers")).toEqual(["response_headers", "context_create", "delete"]);
  const answers = [await as("ann"), await as("ann"), await as("ann"), await as("ben")];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 200]);
  expect(answers[0]?.header("ratelimit")).toMatch(/"users";r=1/);
  expect(answers[2]?.header("retry-after")).toMatch(/^\d+$/);
  const [first] = upstream.requests;
  expect(first?.header("x-mesh-destination")).toBe("v1");
  expect(first?.header("traceparent")).toMatch(/^00-/);
});

test("an edit that needs a callback brings the module that has it", { timeout: TEST_MS }, async () => {
  await write("users.json", usersOf({ explainHeader: "x-limits" }));
  await expect.poll(async () => (await as("eve")).header("x-limits")).toMatch(/^users;outcome=/);
  expect(await lacking("2-rate-limit")).toEqual(["response_body", "context_create"]);
  await write("users.json", usersOf({}));
  await expect.poll(() => lacking("2-rate-limit")).toContain("delete");
  await expect.poll(async () => (await as("eve")).header("x-limits")).toBeUndefined();
  expect((await as("fay")).status).toBe(200);
});

test("Envoy refuses a lean build for settings that it cannot serve, and says why", {
  timeout: TEST_MS,
}, async () => {
  const whole = await filterModule("rate-limit");
  const idle = idleCallbacks(compiledModule(whole), JSON.stringify(usersOf({})));
  const module = at("rate-limit.wasm");
  await writeFile(module, leanModule(await readFile(whole), idle));
  expect(inspectModule(await readFile(module)).refusals).toEqual([]);
  await using envoy = await startEnvoy({
    filters: [{ name: "limits", module, configuration: usersOf({}) }],
    upstreams: { one: upstream },
  });
  expect((await send(envoy.url)).status).toBe(200);
  const outcome = await envoy.configure("limits", usersOf({ headers: "ietf" }));
  expect(outcome).toMatchObject({
    accepted: false,
    reason: expect.stringContaining(
      "rate-limit: configuration refused: configuration: needs proxy_on_response_headers, proxy_on_delete, which this lean build leaves out",
    ),
  });
  // The last good settings serve on.
  expect((await send(envoy.url)).status).toBe(200);
});
