// What the upstream sees when a circuit is tried again: over four workers and many clients, exactly
// the probes. Beside it Envoy's own outlier detection, on the same scenario.

import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { typedConfig } from "../../../envoy/config/typed-config.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import type { RunningEnvoy } from "../../../envoy/runtime/running.js";
import { send } from "../../../kit/envoy/client.js";
import { addressesOf, chooseRuntime, launch } from "../../../kit/envoy/runtime.js";
import { amount } from "../../support/amount.js";
import { runLoad } from "../../support/load.js";
import {
  type BreakerEnvoy,
  type GateUpstream,
  startBreakerEnvoy,
  startGateUpstream,
  until,
} from "./breaker-envoy.js";

const CLIENTS = amount(1000, 200);
/** Requests that are refused while the probes are out. */
const REFUSALS = amount(20_000, 2000);
const LONG = 600_000;
const TEST_MS = 180_000;
const NO_LIMIT = 100_000;
const EJECTED = "cluster.one.outlier_detection.ejections_active";

let upstream: GateUpstream;

beforeAll(async () => {
  upstream = await startGateUpstream();
});
beforeEach(() => {
  upstream.release(503);
  upstream.forget();
});
afterAll(() => upstream?.[Symbol.asyncDispose]());

describe("circuit-breaker", () => {
  let breaker: BreakerEnvoy;

  beforeAll(async () => {
    breaker = await startBreakerEnvoy({
      upstreams: { one: upstream },
      clusterOptions: {
        circuitBreakers: { maxConnections: NO_LIMIT, maxPendingRequests: NO_LIMIT, maxRequests: NO_LIMIT },
      },
    });
  }, 120_000);
  afterAll(() => breaker?.[Symbol.asyncDispose]());

  /** Trips the circuit, and lets many clients ask while the upstream holds what it gets. */
  async function askAll(rule: string, probes: number, answer: number) {
    await breaker.configure({
      rules: [
        {
          name: rule,
          trip: { consecutive: 5 },
          open: { sleep: "1s", jitter: 0 },
          halfOpen: { probes, lease: "10m" },
        },
      ],
    });
    expect(await breaker.statuses(5)).toEqual([503, 503, 503, 503, 503]);
    expect(upstream.arrived).toBe(5);
    upstream.forget();
    upstream.holds = true;
    // Longer than the sleep. So the first of the load are the probes.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const load = runLoad({
      port: breaker.envoy.port,
      connections: CLIENTS,
      requests: REFUSALS + 10 * CLIENTS,
      forMs: LONG,
    });
    const refused = async () => (await breaker.metrics(rule))["decisions_total;outcome=refused"] ?? 0;
    await until(() => upstream.held >= probes);
    const before = await refused();
    await until(async () => (await refused()) - before > REFUSALS);
    const seen = upstream.arrived;
    upstream.release(answer);
    const { answers } = await load;
    expect(answers.length).toBe(REFUSALS + 10 * CLIENTS);
    return seen;
  }

  test.each([1, 3, 16])(
    `${CLIENTS} clients, four workers, %d probes: the upstream sees exactly these after the sleep`,
    async (probes) => {
      const rule = `probes-${probes}`;
      expect(await askAll(rule, probes, 200)).toBe(probes);
      // All have succeeded, so the circuit has closed once, and the rest has passed.
      const metrics = await breaker.metrics(rule);
      expect(metrics).toMatchObject({
        "decisions_total;outcome=probe": probes,
        "transitions_total;to=open;reason=tripped": 1,
        "transitions_total;to=half-open;reason=slept": 1,
        "transitions_total;to=closed;reason=probes-succeeded": 1,
      });
      expect(metrics["circuits;state=open"]).toBeUndefined();
      expect(metrics["circuits;state=half-open"]).toBeUndefined();
      expect(await breaker.statuses(3)).toEqual([200, 200, 200]);
      await breaker.expectAlive();
    },
    TEST_MS,
  );

  test(
    "probes that fail open it again, and nothing more passes until the doubled sleep is over",
    async () => {
      const began = performance.now();
      expect(await askAll("again", 3, 503)).toBe(3);
      const metrics = await breaker.metrics("again");
      const epochs = metrics["transitions_total;to=half-open;reason=slept"] ?? 0;
      // Sleeps of 1, 2, 4 … seconds.
      expect(epochs).toBeLessThanOrEqual(Math.log2((performance.now() - began) / 1000) + 1);
      expect(metrics["decisions_total;outcome=probe"]).toBeLessThanOrEqual(3 * epochs);
      expect(upstream.arrived).toBe(metrics["decisions_total;outcome=probe"]);
    },
    TEST_MS,
  );
});

describe("Envoy's own outlier detection", () => {
  let folder: string;
  let envoy: RunningEnvoy;
  let port: number;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(path.join(tmpdir(), "outliers-")));
    const runtime = await chooseRuntime({});
    const { listen, host } = addressesOf(runtime);
    const [listenPort = 0, adminPort = 0] = await freePorts(2);
    port = listenPort;
    const address = (at: string, port_value: number) => ({ socket_address: { address: at, port_value } });
    const manager = typedConfig(
      "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      {
        stat_prefix: "in",
        http_filters: [
          {
            name: "envoy.filters.http.router",
            typed_config: typedConfig("envoy.extensions.filters.http.router.v3.Router", {}),
          },
        ],
        route_config: {
          virtual_hosts: [
            { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "one" } }] },
          ],
        },
      },
    );
    const cluster = {
      name: "one",
      load_assignment: {
        cluster_name: "one",
        endpoints: [{ lb_endpoints: [{ endpoint: { address: address(host, upstream.port) } }] }],
      },
      circuit_breakers: {
        thresholds: [{ max_connections: NO_LIMIT, max_pending_requests: NO_LIMIT, max_requests: NO_LIMIT }],
      },
      // Without the panic threshold a cluster whose only host is ejected would get everything.
      common_lb_config: { healthy_panic_threshold: { value: 0 } },
      outlier_detection: {
        consecutive_5xx: 5,
        interval: "0.1s",
        base_ejection_time: "1s",
        max_ejection_percent: 100,
      },
    };
    envoy = await launch(runtime, {
      bootstrap: {
        admin: { address: address(listen, adminPort) },
        static_resources: {
          listeners: [
            {
              name: "in",
              address: address(listen, port),
              filter_chains: [
                {
                  filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }],
                },
              ],
            },
          ],
          clusters: [cluster],
        },
      } as never,
      directory: folder,
      workers: 4,
      ports: [port, adminPort],
      readableFolders: [],
    });
  }, 120_000);

  afterAll(async () => {
    await envoy?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test(
    `${CLIENTS} clients: when the ejection ends, the upstream gets them all at once`,
    async () => {
      const url = `http://127.0.0.1:${port}`;
      while ((await send(url)).body === "answer");
      upstream.forget();
      upstream.holds = true;
      await until(async () => (await envoy.admin.stats(EJECTED)).get(EJECTED) === 0);
      const load = runLoad({ port, connections: CLIENTS, requests: 10 * CLIENTS + REFUSALS, forMs: LONG });
      await until(() => upstream.held >= CLIENTS / 2);
      const seen = upstream.arrived;
      upstream.release(200);
      await load;
      console.log(`of ${CLIENTS} clients, circuit-breaker lets 1 through, outlier detection ${seen}`);
      expect(seen).toBeGreaterThanOrEqual(CLIENTS / 2);
    },
    TEST_MS,
  );
});
