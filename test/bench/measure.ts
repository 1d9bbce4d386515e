// Loads each variant in turn, over many short rounds, and reads from the system how much CPU time
// Envoy's own process used.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bootstrap } from "../../envoy/config/bootstrap.js";
import { cluster } from "../../envoy/config/cluster.js";
import { disabledByDefault, enabledFilter } from "../../envoy/config/filter-by-route.js";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import { httpListener, type Listener } from "../../envoy/config/listener.js";
import { destinationRoutes, directResponse, virtualHost } from "../../envoy/config/route.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { EnvoyBinary } from "../../envoy/runtime/find.js";
import { freePorts } from "../../envoy/runtime/ports.js";
import { startEnvoyProcess } from "../../envoy/runtime/process.js";
import type { LoadOrder, LoadResult } from "./load.js";
import type { Variant } from "./variants.js";

export interface MeasureOptions {
  readonly binary: EnvoyBinary;
  readonly variants: readonly Variant[];
  /** Where Envoy's files go. */
  readonly directory: string;
  /** The least number of rounds for each variant. */
  readonly rounds: number;
  /** The most rounds, if the figures do not settle before. */
  readonly maxRounds: number;
  /** Whether the figures so far are exact enough. */
  readonly settled: (measured: readonly Measured[]) => boolean;
  /** How long a round loads each variant, in milliseconds. */
  readonly roundMs: number;
  readonly onRound?: (round: number) => void;
}

/** CPU time per request, in microseconds: one figure for each round, in order. */
export interface Measured {
  readonly name: string;
  /** As in `Variant`. */
  readonly over?: string;
  readonly perRequest: readonly number[];
}

const CONNECTIONS = 16;

/**
 * Measures all variants in one Envoy with one worker. The order rotates from round to round, so
 * that no variant always follows the same one.
 * @throws MeshwrightError `usage` when the system does not account for a process's time as Linux
 * does
 */
export async function measure(options: MeasureOptions): Promise<readonly Measured[]> {
  const { binary, variants, directory, rounds, maxRounds, roundMs } = options;
  const [adminPort = 0, upstreamPort = 0, ...ports] = await freePorts(variants.length + 2);
  await using envoy = await startEnvoyProcess({
    binary,
    directory,
    workers: 1,
    logLevel: "warning",
    bootstrap: bootstrap({
      node: { id: "bench", cluster: "bench" },
      adminPort,
      listeners: [
        ...variants.map((variant, i) => variantListener(variant, nameOf(i), ports[i] ?? 0)),
        variantListener({ filters: [] }, "upstream", upstreamPort),
      ],
      clusters: variants.flatMap((variant, i) => {
        const filters = variant.upstreamFilters;
        return filters === undefined
          ? []
          : [
              cluster({
                name: nameOf(i),
                endpoints: [{ address: "127.0.0.1", port: upstreamPort }],
                filters: chain(variant, filters),
              }),
            ];
      }),
    }),
  });
  using load = startLoad();
  const perRequest = variants.map((): number[] => []);
  const measured = () =>
    variants.map(({ name, over }, i) => ({
      name,
      ...(over === undefined ? {} : { over }),
      perRequest: perRequest[i] ?? [],
    }));
  for (let round = -1; round < rounds || (round < maxRounds && !options.settled(measured())); round++) {
    for (let k = 0; k < variants.length; k++) {
      const i = (k + Math.max(round, 0)) % variants.length;
      const before = cpuMicroseconds(envoy.pid);
      const { responses } = await load.run({ port: ports[i] ?? 0, forMs: roundMs, connections: CONNECTIONS });
      // The first round warms up caches and the compiler, and does not count.
      if (round >= 0) perRequest[i]?.push((cpuMicroseconds(envoy.pid) - before) / responses);
    }
    if (round >= 0) options.onRound?.(round + 1);
  }
  return measured();
}

const nameOf = (variant: number): string => `variant-${variant}`;

/**
 * A listener that answers by itself. If the variant has upstream filters, a listener beside it
 * answers, so that the request passes a cluster's chain too.
 */
function variantListener(
  variant: Pick<Variant, "filters" | "upstreamFilters" | "onAnotherRoute">,
  name: string,
  port: number,
): Listener {
  const { upstreamFilters } = variant;
  const routes =
    upstreamFilters === undefined
      ? [directResponse({ status: 200, body: "ok" })]
      : destinationRoutes({ destinations: {}, fallback: name });
  return httpListener({
    name,
    port,
    filters: chain(variant, variant.filters),
    virtualHosts: [
      virtualHost({ name: "all", routes: [...otherRoutes(variant), ...routes], includeAttemptCount: true }),
    ],
  });
}

function chain({ onAnotherRoute }: Pick<Variant, "onAnotherRoute">, filters: readonly HttpFilter[]) {
  return onAnotherRoute === true ? filters.map(disabledByDefault) : filters;
}

/** The route that has the filters where the measured one has not. The load does not take it. */
function otherRoutes({ filters, upstreamFilters = [], onAnotherRoute }: Omit<Variant, "name">) {
  if (onAnotherRoute !== true) return [];
  const names = [...filters, ...upstreamFilters].map(({ name }) => name);
  const filterConfigs = Object.fromEntries(names.map((name) => [name, enabledFilter()]));
  return [
    {
      ...directResponse({ status: 200, body: "ok" }),
      match: { prefix: "/another" },
      typed_per_filter_config: filterConfigs,
    },
  ];
}

/**
 * The time that the process's threads have run on a processor, in microseconds. The scheduler gives
 * it to the nanosecond.
 */
export function cpuMicroseconds(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const times = threads.map((id) =>
      Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0]),
    );
    return times.reduce((sum, time) => sum + time, 0) / 1000;
  } catch (cause) {
    throw new MeshwrightError(
      "usage",
      "the benchmark reads /proc/PID/task/*/schedstat, which is not available here: run it on Linux",
      [],
      { cause },
    );
  }
}

interface Load extends Disposable {
  run(order: LoadOrder): Promise<LoadResult>;
}

function startLoad(): Load {
  const child: ChildProcess = fork(fileURLToPath(new URL("load.ts", import.meta.url)), {
    execArgv: ["--import", "tsx"],
  });
  const ended = once(child, "exit").then(() => {
    throw new MeshwrightError("usage", "the load ended before its time; its last line says why");
  });
  ended.catch(() => {});
  return {
    async run(order) {
      child.send(order);
      const [result] = (await Promise.race([once(child, "message"), ended])) as [LoadResult];
      return result;
    },
    [Symbol.dispose]() {
      child.kill("SIGKILL");
    },
  };
}
