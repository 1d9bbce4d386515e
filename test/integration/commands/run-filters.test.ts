// `meshwright run` with filters that see each attempt, or that call a service: where they are, what
// their edits do, and routes that retry.

import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { AdminClient } from "../../../envoy/runtime/admin.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { validateBootstrap } from "../../../envoy/runtime/validate.js";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { buildFilters } from "../../../toolchain/compile/build.js";
import {
  countingTo,
  type RateLimitService,
  startRateLimitService,
} from "../../support/rate-limit-service.js";
import { type AuthorPackage, authorPackage, policy } from "./author-package.js";
import { CliProcess } from "./cli-process.js";
import { runMain } from "./run-main.js";

/** One or two whole starts, on a machine that is busy with other tests. */
const TEST_MS = 100_000;
const SLOW_MS = 5_000;

let folder: string;
let upstream: Upstream;
let received = 0;
beforeAll(async () => {
  // Built here and not by the command, because a test expects the command to start soon.
  await buildFilters(["fault-injection", "rate-limit", "retry-budget"]);
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "run-filters-")));
  upstream = await startUpstream({
    respond: ({ path: asked }) => (asked === "/slow" ? { delayMs: SLOW_MS } : { body: "served" }),
  });
}, TEST_MS);
afterAll(async () => {
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  received = upstream.requests.length;
});

/** The attempts that reached the upstream in this test, by Envoy's own count. */
const attempts = () =>
  upstream.requests.slice(received).map((request) => request.header("x-envoy-attempt-count"));

const write = (name: string, text: string) => writeFile(path.join(folder, name), text);
const inFront = (...words: string[]) => ["run", "--upstream", `http://127.0.0.1:${upstream.port}`, ...words];

/** The command once it listens, and its two addresses. */
async function start(words: readonly string[], cwd = folder) {
  const command = new CliProcess([...words, "--port", "0"], cwd);
  const [, url = "", admin = ""] = await command.until(/listens on (http:\S+), admin on (http:\S+)\n/);
  return { command, url, admin: new AdminClient(admin) };
}

/** Fails the attempts with these numbers. */
const outage = (...numbers: number[]) => `where: upstream
rules:
  - name: outage
    match: { headers: [{ name: x-envoy-attempt-count, oneOf: ["${numbers.join('", "')}"] }] }
    abort: { status: 503, body: injected }
`;

describe("meshwright run with a filter that sees each attempt", { timeout: TEST_MS }, () => {
  let running: Awaited<ReturnType<typeof start>>;

  beforeAll(async () => {
    await write("fault.yaml", outage(1, 2));
    const retries = ["--retry-on", "5xx,reset", "--retries", "2", "--per-try-timeout", "1s"];
    running = await start(inFront("--filter", "fault-injection=fault.yaml", ...retries, "--timeout", "2s"));
  }, TEST_MS);
  afterAll(() => running?.command[Symbol.asyncDispose]());

  it("says where the filter is", () => {
    expect(running.command.stdout).toContain(
      "  filter    fault-injection from fault.yaml, for each attempt\n",
    );
  });

  it("lets the route's retries meet the fault: two attempts fail, the third is served", async () => {
    expect(await send(running.url)).toMatchObject({ status: 200, body: "served" });
    expect(attempts()).toEqual(["1", "2", "3"]);
  });

  it("applies an edit in the clusters' chain", async () => {
    await write("fault.yaml", outage(1, 2, 3));
    await running.command.until(/applied: fault-injection at fault\.yaml/);
    expect((await send(running.url)).status).toBe(503);
    expect(attempts()).toEqual(["1", "2", "3"]);
    await write("fault.yaml", outage(9));
    await running.command.until(/(?:applied: .*\n[\s\S]*){2}/);
    expect((await send(running.url)).status).toBe(200);
    expect(attempts()).toEqual(["1", "2", "3", "1"]);
  });

  it("says what an edit would move to the other chain, and keeps the settings in force", async () => {
    await write("fault.yaml", outage(1, 2, 3).replace("where: upstream\n", ""));
    await running.command.until(/restart to apply: where of fault\.yaml/);
    expect((await send(running.url)).status).toBe(200);
    await write("fault.yaml", outage(1, 2, 3).replace("status: 503", "status: 99"));
    await running.command.until(
      /refused: fault\.yaml:5:\d+: rules\[0\]\.abort\.status: .*good settings stay/,
    );
    expect((await send(running.url)).status).toBe(200);
  });

  it("ends an attempt and then the whole request when their timeouts are over", async () => {
    const { status, body } = await send(running.url, { path: "/slow" });
    expect({ status, body }).toEqual({ status: 504, body: expect.stringMatching(/timeout/) });
    expect(attempts().length).toBeGreaterThanOrEqual(2);
  });

  it("prints a configuration that stock Envoy accepts, with the filter in the clusters' chain", async () => {
    await write("other.yaml", outage(1));
    const words = inFront(
      "--filter",
      "fault-injection=other.yaml",
      "--retry-on",
      "5xx,429",
      "--print-config",
    );
    const { exitCode, stdout, stderr } = await runMain(
      [...words, "--grpc-service", "limits=http://localhost:8081"],
      folder,
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const { clusters, listeners } = parse(stdout).static_resources;
    expect(JSON.stringify(clusters)).toContain("fault-injection.wasm");
    expect(JSON.stringify(listeners)).not.toContain("fault-injection.wasm");
    await validateBootstrap(await findEnvoy(), parse(stdout));
  });
});

describe("meshwright run with an author's own filter at @upstream", { timeout: TEST_MS }, () => {
  let author: AuthorPackage;
  beforeAll(async () => {
    author = await authorPackage();
    await author.writeFilter("adder");
    await author.write("adder.yaml", "{}\n");
    await runMain(["build", "adder"], author.root);
  }, TEST_MS);
  afterAll(() => author?.[Symbol.asyncDispose]());

  it("puts it in the clusters' chain, and its new modules too", async () => {
    const { command, url, admin } = await start(
      inFront("--filter", "adder@upstream=adder.yaml"),
      author.root,
    );
    await using _ = command;
    expect((await send(url)).header("x-added")).toBe("1");
    const upstreams = await admin.stats(
      "^extension_config_discovery\\.upstream_http_filter\\..*config_reload$",
    );
    expect([...upstreams.values()]).toEqual([1]);
    await author.write("filters/adder/policy.ts", policy("2"));
    await command.until(/^reloaded: adder/m);
    expect((await send(url)).header("x-added")).toBe("2");
  });
});

describe("meshwright run with a service that a filter calls", { timeout: TEST_MS }, () => {
  const limits = (cluster: string) =>
    `service: { cluster: ${cluster}, domain: shop, timeout: 2s, preCheck: false }\nrules:\n  - { name: user, key: [{ header: x-user }], global: {} }\n`;
  let service: RateLimitService;
  beforeAll(async () => {
    service = await startRateLimitService(countingTo(2));
    await write("limits.yaml", limits("ratelimit"));
  });
  afterAll(() => service?.[Symbol.asyncDispose]());

  it("connects the filter to it over HTTP/2, and refuses an edit that names another service", async () => {
    const words = ["--filter", "rate-limit=limits.yaml", "--concurrency", "2"];
    const named = ["--grpc-service", `ratelimit=http://127.0.0.1:${service.port}`];
    const { command, url, admin } = await start(inFront(...words, ...named));
    await using _ = command;
    expect(command.stdout).toContain(`gRPC service ratelimit  http://127.0.0.1:${service.port}\n`);
    expect(await admin.stats("^server\\.concurrency$")).toEqual(new Map([["server.concurrency", 2]]));
    const ask = async () => (await send(url, { headers: [["x-user", "ann"]] })).status;
    expect([await ask(), await ask(), await ask()]).toEqual([200, 200, 429]);
    expect(service.questions.map(({ domain }) => domain)).toEqual(["shop", "shop", "shop"]);
    await write("limits.yaml", limits("ratelimt"));
    await command.until(
      /refused: limits\.yaml:1:\d+: service\.cluster: .*"ratelimt"; did you mean "ratelimit"\?; the last good/,
    );
    expect(await ask()).toBe(429);
    await write("limits.yaml", limits("ratelimit"));
  });

  it("is refused before anything starts when the service's address is not given", async () => {
    const { exitCode, stdout, stderr } = await runMain(inFront("--filter", "rate-limit=limits.yaml"), folder);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toMatch(
      /^meshwright: rate-limit configuration refused: limits\.yaml:1:\d+: service\.cluster: there is no gRPC service "ratelimit"; say where it is: --grpc-service ratelimit=http:\/\/HOST:PORT\n$/,
    );
  });

  it("is refused when a route would retry exactly what the budget leaves out", async () => {
    await write("budget.yaml", "{}\n");
    const words = ["--filter", "retry-budget=budget.yaml", "--retry-on", "5xx,envoy-ratelimited"];
    const { exitCode, stderr } = await runMain(inFront(...words), folder);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /^meshwright: --retry-on cannot have "envoy-ratelimited" where retry-budget stands/,
    );
  });
});
