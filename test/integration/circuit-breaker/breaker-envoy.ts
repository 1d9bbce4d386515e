// An Envoy with circuit-breaker before two upstreams, for the tests of that filter; and an upstream
// that holds its answers until a test lets them go.

import http from "node:http";
import { expect } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { CircuitBreakerConfig } from "../../../filters/circuit-breaker/schema.js";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import type { Destination, EnvoyOptions } from "../../../kit/envoy/options.js";
import { ListeningServer } from "../../../kit/envoy/upstream-server.js";
import type { ClientResponse } from "../../../kit/traffic.js";

export const FILTER = "circuit-breaker";
const METRIC = "meshwright.circuit_breaker.";

export type Rule = CircuitBreakerConfig["rules"][number];

export interface BreakerEnvoyOptions extends Omit<EnvoyOptions, "filters" | "upstreams"> {
  readonly upstreams: Readonly<Record<string, Destination>>;
  readonly before?: NonNullable<EnvoyOptions["filters"]>;
  readonly after?: NonNullable<EnvoyOptions["filters"]>;
}

/** Disposing of it ends Envoy, but not the upstreams. */
export interface BreakerEnvoy extends AsyncDisposable {
  readonly envoy: TestEnvoy;
  /** Gives the filter a configuration that it must accept. */
  configure(config: CircuitBreakerConfig): Promise<void>;
  request(options?: SendOptions): Promise<ClientResponse>;
  /** The statuses of so many requests, one after the other. */
  statuses(count: number, options?: SendOptions): Promise<readonly number[]>;
  /** Metrics of a rule that are not 0, by name and the labels beside the rule's. */
  metrics(rule: string): Promise<Readonly<Record<string, number>>>;
  /** Checks that no worker's VM has ended. */
  expectAlive(): Promise<void>;
}

export async function startBreakerEnvoy(options: BreakerEnvoyOptions): Promise<BreakerEnvoy> {
  const { before = [], after = [], workers = 4, ...rest } = options;
  const ours = { name: FILTER, module: FILTER, configuration: { rules: [] } };
  const envoy = await startEnvoy({ ...rest, workers, filters: [...before, ours, ...after] });
  const request = (sent: SendOptions = {}) => send(envoy.url, sent);
  return {
    envoy,
    request,
    async configure(config) {
      expect(await envoy.configure(FILTER, config as unknown as Json)).toEqual({ accepted: true });
    },
    async statuses(count, sent) {
      const statuses: number[] = [];
      for (let i = 0; i < count; i++) statuses.push((await request(sent)).status);
      return statuses;
    },
    async metrics(rule) {
      const stats = await envoy.admin.stats(`circuit_breaker\\..*;rule=${rule}(;|$)`);
      const named = [...stats].map(
        ([name, value]) =>
          [name.slice(name.indexOf(METRIC) + METRIC.length).replace(`;rule=${rule}`, ""), value] as const,
      );
      return Object.fromEntries(named.filter(([, value]) => value !== 0));
    },
    async expectAlive() {
      const reloads = [...(await envoy.admin.stats(`wasm\\.${FILTER}\\.vm_reload$`)).values()];
      expect(reloads).not.toEqual([]);
      expect(reloads.every((count) => count === 0)).toBe(true);
      expect(envoy.logs()).not.toContain("Function: proxy_on_");
    },
    [Symbol.asyncDispose]: () => envoy[Symbol.asyncDispose](),
  };
}

/** An upstream that answers with one status, at once or when it is told. */
export interface GateUpstream extends Destination, AsyncDisposable {
  /** The status of the answers. */
  status: number;
  /** Whether requests that arrive wait for `release`. */
  holds: boolean;
  /** How many requests arrived since the last `forget`, and how many of these wait. */
  readonly arrived: number;
  readonly held: number;
  /** Answers those that wait, with this status from now on, and holds no more. */
  release(status: number): void;
  forget(): void;
}

export async function startGateUpstream(status = 200): Promise<GateUpstream> {
  let waiting: http.ServerResponse[] = [];
  let arrived = 0;
  const server = http.createServer({ keepAliveTimeout: 0 }, (_, response) => {
    arrived++;
    if (!gate.holds) {
      response.writeHead(gate.status).end("answer");
      return;
    }
    waiting.push(response);
    response.on("close", () => {
      waiting = waiting.filter((each) => each !== response);
    });
  });
  const listening = await ListeningServer.start(server, "127.0.0.1");
  const gate: GateUpstream = {
    status,
    holds: false,
    port: listening.port,
    get arrived() {
      return arrived;
    },
    get held() {
      return waiting.length;
    },
    release(next) {
      gate.status = next;
      gate.holds = false;
      const released = waiting;
      waiting = [];
      for (const response of released) response.writeHead(next).end("answer");
    },
    forget() {
      arrived = 0;
    },
    [Symbol.asyncDispose]: () => listening.stop(),
  };
  return gate;
}

/** Asks again and again until it is so; the test's own time limit ends it. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}
