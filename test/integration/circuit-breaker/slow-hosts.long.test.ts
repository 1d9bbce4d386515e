// circuit-breaker in a cluster's chain, in stock Envoy with three hosts: the one that is much
// slower is ejected by Envoy's own outlier detection, and comes back.

import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { bootstrap } from "../../../envoy/config/bootstrap.js";
import { cluster } from "../../../envoy/config/cluster.js";
import type { Json } from "../../../envoy/config/json.js";
import { httpListener } from "../../../envoy/config/listener.js";
import { prefixRoute, virtualHost } from "../../../envoy/config/route.js";
import { wasmFilter } from "../../../envoy/config/wasm.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import type { RunningEnvoy } from "../../../envoy/runtime/running.js";
import { OUTLIER_HEADER } from "../../../filters/circuit-breaker/limits.js";
import { send } from "../../../kit/envoy/client.js";
import { addressesOf, chooseRuntime, launch } from "../../../kit/envoy/runtime.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { ClientResponse, UpstreamResponse } from "../../../kit/traffic.js";
import { buildFilters } from "../../../toolchain/compile/build.js";

const HOSTS = 3;
const CLIENTS = 12;
/** What a host needs that is slow, and what a response must take at least to be slow. */
const SLOW_MS = 1000;
const RULES = [{ name: "hosts", slowHosts: { slow: "300ms" } }];
const EJECTED = "cluster.one.outlier_detection.ejections_active";
const EJECTIONS = "cluster.one.outlier_detection.ejections_enforced_total";

/** What each host answers. */
const answers: UpstreamResponse[] = [];
const hosts: Upstream[] = [];
let envoy: RunningEnvoy;
let folder: string;
let url: string;

beforeAll(async () => {
  for (let i = 0; i < HOSTS; i++) {
    hosts.push(await startUpstream({ name: `host-${i}`, respond: () => answers[i] ?? {} }));
  }
  const [module] = await buildFilters(["circuit-breaker"]);
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "slow-hosts-")));
  const runtime = await chooseRuntime({});
  const { listen, host } = addressesOf(runtime);
  const [port = 0, adminPort = 0] = await freePorts(2);
  url = `http://127.0.0.1:${port}`;
  const configuration = { where: "upstream", explainHeader: "x-host", rules: RULES } as unknown as Json;
  const route = prefixRoute({
    name: "all",
    prefix: "/",
    cluster: "one",
    timeoutSeconds: 30,
    retryPolicy: { retryOn: ["5xx"], numRetries: 2 },
  });
  envoy = await launch(runtime, {
    bootstrap: bootstrap({
      node: { id: "slow-hosts", cluster: "test" },
      adminPort,
      adminAddress: listen,
      listeners: [
        httpListener({
          name: "in",
          address: listen,
          port,
          filters: [],
          virtualHosts: [
            virtualHost({ name: "all", routes: [route], removeResponseHeaders: [OUTLIER_HEADER] }),
          ],
        }),
      ],
      clusters: [
        cluster({
          name: "one",
          endpoints: hosts.map((each) => ({ address: host, port: each.port })),
          filters: [wasmFilter({ name: "hosts", module: module?.path ?? "", configuration })],
          outlierHeaders: [OUTLIER_HEADER],
          outlierDetection: {
            consecutive5xx: 3,
            consecutiveGatewayFailure: 0,
            intervalSeconds: 0.1,
            baseEjectionTimeSeconds: 5,
            maxEjectionTimeSeconds: 5,
            maxEjectionPercent: 100,
          },
        }),
      ],
    }),
    directory: folder,
    workers: 2,
    ports: [port, adminPort],
    readableFolders: [path.dirname(module?.path ?? "")],
  });
}, 180_000);

beforeEach(async () => {
  answers.splice(0, HOSTS, {}, {}, {});
  await expect.poll(() => stat(EJECTED)).toBe(0);
});

afterAll(async () => {
  await envoy?.stop();
  for (const each of hosts) await each[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const stat = async (name: string) => (await envoy.admin.stats(name)).get(name);

/** So many requests of several clients at once, until it is so. */
async function load(most: number, isEnough: () => Promise<boolean> = async () => false) {
  const responses: ClientResponse[] = [];
  let sent = 0;
  let isOver = false;
  const client = async () => {
    while (sent < most && !isOver) {
      sent++;
      responses.push(await send(url));
      if (sent % CLIENTS === 0) isOver ||= await isEnough();
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return responses;
}

/** How many requests each host got meanwhile. */
async function arrivals(act: () => Promise<unknown>): Promise<readonly number[]> {
  const before = hosts.map(({ requests }) => requests.length);
  await act();
  return hosts.map(({ requests }, i) => requests.length - (before[i] ?? 0));
}

const marks = (responses: readonly ClientResponse[]) =>
  responses.filter((each) => each.header(OUTLIER_HEADER) !== undefined);

test("the slow one of three hosts is ejected, gets nothing, and comes back", async () => {
  await load(120);
  answers[0] = { delayMs: SLOW_MS };
  let responses: ClientResponse[] = [];
  const slow = await arrivals(async () => {
    responses = await load(3000, async () => (await stat(EJECTED)) === 1);
  });
  expect(await stat(EJECTED)).toBe(1);
  // What it answered is whole all the same: clients see its status, and no attempt was repeated.
  expect(responses.every(({ status }) => status === 200)).toBe(true);
  expect(marks(responses)).toEqual([]);
  expect(responses.some((each) => each.header("x-host") === "hosts;outcome=marked")).toBe(true);
  expect(slow.reduce((sum, each) => sum + each)).toBe(responses.length);
  // While it is ejected the others get all.
  await load(CLIENTS);
  let others = 0;
  while (others < 5 * CLIENTS) {
    const [ejected = 0, ...rest] = await arrivals(() => load(CLIENTS));
    if ((await stat(EJECTED)) !== 1) break;
    expect(ejected).toBe(0);
    others += rest.reduce((sum, each) => sum + each);
  }
  expect(others).toBeGreaterThan(0);
  answers[0] = {};
  await expect.poll(() => stat(EJECTED)).toBe(0);
  const ejections = await stat(EJECTIONS);
  const shares = await arrivals(() => load(300));
  expect(shares.every((each) => each > 80)).toBe(true);
  expect(await stat(EJECTIONS)).toBe(ejections);
}, 120_000);

test("a service that is slow as a whole ejects nobody", async () => {
  await load(120);
  const before = await stat(EJECTIONS);
  answers.splice(0, HOSTS, { delayMs: SLOW_MS }, { delayMs: SLOW_MS }, { delayMs: SLOW_MS });
  await load(20 * CLIENTS);
  expect(await stat(EJECTIONS)).toBe(before);
}, 120_000);

test("a host's own mark says nothing, and no client sees it", async () => {
  const before = await stat(EJECTIONS);
  answers[1] = { headers: [[OUTLIER_HEADER, "1"]] };
  const responses = await load(120);
  expect(await stat(EJECTIONS)).toBe(before);
  expect(marks(responses)).toEqual([]);
}, 60_000);

test("a host that answers 5xx is ejected as without the filter, and retried", async () => {
  answers[2] = { status: 503 };
  const responses = await load(3000, async () => (await stat(EJECTED)) === 1);
  expect(await stat(EJECTED)).toBe(1);
  expect(responses.filter(({ status }) => status === 200).length).toBeGreaterThan(responses.length / 2);
}, 60_000);
