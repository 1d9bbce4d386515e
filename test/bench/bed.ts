// Where requests are measured: one Envoy with one worker, with a listener for each variant, and the
// load beside it.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
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

export interface BedOptions {
  readonly binary: EnvoyBinary;
  readonly variants: readonly Variant[];
  /** Where Envoy's files go. */
  readonly directory: string;
  /** How long Envoy may take until it serves, in milliseconds. */
  readonly readyTimeoutMs?: number;
}

export interface Bed extends AsyncDisposable {
  /** Envoy's process. */
  readonly pid: number;
  /** Loads the variant of this number. */
  load(variant: number, amount: Pick<LoadOrder, "forMs" | "batches">): Promise<LoadResult>;
}

/** Enough for Envoy to always find requests to read, and few enough that all of them stay warm. */
const CONNECTIONS = 4;
const STREAMS = 50;

export async function startBed(options: BedOptions): Promise<Bed> {
  const { variants, ...run } = options;
  const [adminPort = 0, upstreamPort = 0, ...ports] = await freePorts(variants.length + 2);
  const envoy = await startEnvoyProcess({
    ...run,
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
                protocol: "http2",
                filters: chain(variant, filters),
              }),
            ];
      }),
    }),
  });
  const process = startLoadProcess();
  return {
    pid: envoy.pid,
    load: (variant, amount) =>
      process.run({ ...amount, port: ports[variant] ?? 0, connections: CONNECTIONS, streams: STREAMS }),
    async [Symbol.asyncDispose]() {
      process.end();
      await envoy[Symbol.asyncDispose]();
    },
  };
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

interface LoadProcess {
  run(order: LoadOrder): Promise<LoadResult>;
  end(): void;
}

function startLoadProcess(): LoadProcess {
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
    end() {
      child.kill("SIGKILL");
    },
  };
}
