// Two orders of the same filters, each as a chain of modules and as one bundle, in stock Envoys
// side by side. All get the same requests.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import { inspectModule } from "../../../envoy/module/inspect.js";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import type { EnvoyOptions } from "../../../kit/envoy/options.js";
import type { Upstream } from "../../../kit/envoy/upstream.js";
import { type BundlePart, bundlePlace } from "../../../toolchain/bundle/entry.js";
import { buildFilters, modulePath } from "../../../toolchain/compile/build.js";
import { sourceAt } from "../../../toolchain/compile/source.js";
import { compileProbe, compileTestBundle } from "../../support/compile-probe.js";
import { startUpgradeServer, type UpgradeServer } from "../../support/upgrades.js";
import { isBefore } from "../../support/version.js";
import {
  type ChainUpstream,
  exchange,
  type Message,
  type Shape,
  startChainUpstream,
} from "./chain-exchange.js";

export type Order = "forward" | "backward";

/** The same filters in the same order, as one module each and as a bundle. */
export interface Twins {
  readonly chain: TestEnvoy;
  readonly bundle: TestEnvoy;
}

/** The result of a request. */
export interface Outcome {
  readonly client: Message;
  /**
   * What reached the upstream. It is not compared when a filter answered, because then timing
   * decides how much arrived.
   */
  readonly upstream: Message | undefined;
  /** What the probes saw, in the order in which they saw it. */
  readonly logs: readonly string[];
}

/** A request, and what it tells the probes to do. */
export interface Plan {
  readonly plans: Readonly<Record<string, string>>;
  readonly request: Shape;
  readonly response: Shape;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * For filters that wait. Meanwhile no filter of a bundle gets a part of the body, not even the
   * first ones, so the probes see other pieces.
   */
  readonly ignoresLogs?: boolean;
}

export interface TwinOptions {
  /**
   * The order of the chain and of the bundle called `forward`. It has all the probes `chain-a`,
   * `chain-b` and `chain-c`; a request says what they do.
   */
  readonly order: readonly string[];
  readonly configurations: Readonly<Record<string, Json>>;
  readonly routing?: Pick<EnvoyOptions, "routeOptions" | "clusterOptions">;
  /** Further headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const PROBES = 3;
const isOlder = await isBefore("1.39");
const isProbe = (name: string) => name.startsWith("chain-");

export class TwinBench implements AsyncDisposable {
  #exchanges = 0;

  private constructor(
    private readonly folder: string,
    private readonly upstream: ChainUpstream,
    private readonly web: UpgradeServer,
    readonly bundles: Readonly<Record<Order, string>>,
    readonly twins: Readonly<Record<Order, Twins>>,
    private readonly headers: Readonly<Record<string, string>>,
  ) {}

  static async start(options: TwinOptions): Promise<TwinBench> {
    const { order } = options;
    const folder = await mkdtemp(path.join(tmpdir(), "meshwright-bundle-"));
    const probe = path.join(folder, "probe.wasm");
    const bundles = {
      forward: path.join(folder, "forward.wasm"),
      backward: path.join(folder, "backward.wasm"),
    };
    await Promise.all([
      compileProbe("test/probes/chain-a/index.ts", probe),
      buildFilters(order.filter((name) => !isProbe(name))),
    ]);
    const parts = await Promise.all(order.map((name) => partOf(name, probe)));
    const base = sourceAt(bundlePlace(PACKAGE_ROOT));
    await Promise.all([
      compileTestBundle({ name: "forward", base, parts }, bundles.forward),
      compileTestBundle({ name: "backward", base, parts: [...parts].reverse() }, bundles.backward),
    ]);
    const upstream = await startChainUpstream();
    const web = await startUpgradeServer();
    const upstreams = { upstream: upstream as unknown as Upstream, web };
    const [forward, backward] = await Promise.all([
      startTwins(options, order, probe, upstreams, bundles.forward),
      startTwins(options, [...order].reverse(), probe, upstreams, bundles.backward),
    ]);
    return new TwinBench(folder, upstream, web, bundles, { forward, backward }, options.headers ?? {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { chain, bundle } of Object.values(this.twins)) {
      await Promise.all([chain, bundle].map((envoy) => envoy[Symbol.asyncDispose]()));
    }
    await this.upstream[Symbol.asyncDispose]();
    await this.web[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }

  async expectSame(order: Order, plan: Plan): Promise<void> {
    const { chain, bundle } = this.twins[order];
    const [expected, actual] = await Promise.all([this.run(chain, plan), this.run(bundle, plan)]);
    expect(actual, `${order} ${JSON.stringify(plan)}`).toEqual(expected);
  }

  async run(envoy: TestEnvoy, plan: Plan): Promise<Outcome> {
    let outcome = await this.#runOnce(envoy, plan);
    for (let i = 0; i < 5 && isSpoiled(outcome); i++) outcome = await this.#runOnce(envoy, plan);
    return outcome;
  }

  async #runOnce(envoy: TestEnvoy, plan: Plan): Promise<Outcome> {
    const { plans, request, response, ignoresLogs = false } = plan;
    const id = `id-${this.#exchanges++}`;
    const headers: Record<string, string> = {
      "x-id": id,
      "x-answer": response,
      "x-version": "2",
      traceparent: TRACEPARENT,
      ...this.headers,
      ...plan.headers,
    };
    for (const [name, text] of Object.entries(plans)) headers[`x-plan-${name}`] = text;
    const client = await exchange(envoy.url, { headers, request });
    const logs = await linesOf(envoy, id);
    const replied = client.headers.some((line) => line.startsWith("x-reply"));
    const received = replied ? undefined : this.upstream.received.get(id);
    const outcome = { client, upstream: received, logs: ignoresLogs ? [] : logs };
    return JSON.parse(JSON.stringify(outcome).replaceAll(id, "ID")) as Outcome;
  }
}

async function partOf(name: string, probe: string): Promise<BundlePart> {
  const module = isProbe(name) ? probe : modulePath(name);
  const entry = path.join(PACKAGE_ROOT, isProbe(name) ? "test/probes" : "filters", name, "index.ts");
  return { name, entry, callbacks: inspectModule(await readFile(module)).callbacks };
}

async function startTwins(
  { configurations, routing }: TwinOptions,
  order: readonly string[],
  probe: string,
  upstreams: EnvoyOptions["upstreams"],
  module: string,
): Promise<Twins> {
  const common = {
    upstreams,
    workers: 1,
    ...routing,
  };
  const filters = order.map((name) => ({
    name,
    module: isProbe(name) ? probe : name,
    configuration: configurations[name] ?? {},
  }));
  const configuration = Object.fromEntries(order.map((name) => [name, configurations[name] ?? {}]));
  const [chain, bundle] = await Promise.all([
    startEnvoy({ ...common, filters }),
    startEnvoy({ ...common, filters: [{ name: "bundle", module, configuration }] }),
  ]);
  return { chain, bundle };
}

/**
 * Envoy 1.36 sends certain frames for a body that became empty before trailers. Node's server then
 * resets one stream in a hundred.
 */
const isSpoiled = ({ client }: Outcome): boolean =>
  isOlder && client.body.endsWith("reset reason: remote reset");

/** The probes' lines about a stream, after each has said that it is done. */
async function linesOf(envoy: TestEnvoy, id: string): Promise<readonly string[]> {
  for (let i = 0; ; i++) {
    const lines = [...envoy.logs().matchAll(/chain (\S+) (\S+ .*)$/gm)]
      .filter(([, stream]) => stream === id)
      .map(([, , line]) => line ?? "");
    if (lines.filter((line) => line.endsWith(" done")).length === PROBES || i === 100) return lines;
    await sleep(40);
  }
}

/** Runs ten at a time. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
    }),
  );
}
