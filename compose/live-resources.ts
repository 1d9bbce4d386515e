// Changes the clusters and routes of a running Envoy, and finds out whether it takes them.

import { setTimeout as delay } from "node:timers/promises";
import {
  CLUSTER_TYPE,
  type LiveResources,
  ROUTES_TYPE,
  type RouteConfiguration,
} from "../envoy/config/resources.js";
import type { ApplyResult } from "../envoy/discovery/live-filter.js";
import type { ResourceSet, RestSource } from "../envoy/discovery/resources.js";
import { MeshwrightError } from "../envoy/errors.js";
import { newerPart, resourceRefusal } from "../envoy/runtime/envoy-log.js";
import type { EnvoyProcess } from "../envoy/runtime/process.js";

/** A cluster with health checks is decided on when each endpoint was asked once. */
const DECISION_MS = 30_000;
const LOG_MS = 1_000;
const POLL_MS = 15;

/** How many updates of clusters or routes Envoy has refused. */
const REFUSALS = "^(cluster_manager\\.cds|http\\..*\\.rds\\..*)\\.update_rejected$";

const clusterSet = (resources: LiveResources["clusters"]): ResourceSet => ({ type: CLUSTER_TYPE, resources });
const routeSet = (routes: RouteConfiguration): ResourceSet => ({
  type: ROUTES_TYPE,
  name: routes.name,
  resources: [routes],
});

/** Sets what an Envoy gets at its start, unless it has got something before. */
export function keepResources(source: RestSource, { clusters, routes }: LiveResources): void {
  source.keep(clusterSet(clusters));
  for (const each of routes) source.keep(routeSet(each));
}

/** Sets what an Envoy gets when it is started again. */
export function replaceResources(source: RestSource, { clusters, routes }: LiveResources): void {
  for (const set of [clusterSet(clusters), ...routes.map(routeSet)]) void source.offer(set);
}

/** Why Envoy refused what it got at its start; undefined where it took it. */
export async function refusalAtStart(process: EnvoyProcess): Promise<string | undefined> {
  const refusals = [...(await process.admin.stats(REFUSALS)).values()].reduce((sum, each) => sum + each, 0);
  if (refusals === 0) return undefined;
  return (await reasonIn(process, "")) ?? "its log does not say why";
}

/**
 * Gives Envoy other clusters and routes: what is referred to before what refers to it, so that no
 * request meets a route without its cluster. Where Envoy refuses a part, it gets back all of the
 * last.
 * @throws MeshwrightError `envoy-failed` where Envoy does not decide
 */
export async function changeResources(
  process: EnvoyProcess,
  source: RestSource,
  before: LiveResources,
  after: LiveResources,
): Promise<ApplyResult> {
  const steps = [
    clusterSet(bothClusters(before, after)),
    ...after.routes.map(routeSet),
    clusterSet(after.clusters),
  ];
  for (const step of steps) {
    const result = await offer(process, source, step);
    if (result.accepted) continue;
    // Envoy may have taken a part of what it refused.
    for (const set of [...before.routes.map(routeSet), clusterSet(before.clusters)])
      await offer(process, source, set);
    return result;
  }
  return { accepted: true };
}

/** The clusters of two plans: what Envoy needs while it goes from one to the other. */
function bothClusters(before: LiveResources, after: LiveResources): LiveResources["clusters"] {
  const all = [...before.clusters, ...after.clusters].map((each) => [each.name, each] as const);
  return [...new Map(all).values()];
}

async function offer(process: EnvoyProcess, source: RestSource, set: ResourceSet): Promise<ApplyResult> {
  if (JSON.stringify(source.current(set)) === JSON.stringify(set)) return { accepted: true };
  const logged = process.logs();
  const over = new AbortController();
  const late = delay(DECISION_MS, "late" as const, { signal: over.signal }).catch(() => undefined);
  const verdict = await Promise.race([source.offer(set), late]);
  over.abort();
  if (verdict === "late")
    throw new MeshwrightError("envoy-failed", `Envoy at ${process.admin.url} does not decide`);
  // Without a verdict Envoy has gone, and gets this when it is started again.
  if (verdict === undefined || verdict.taken) return { accepted: true };
  return { accepted: false, reason: (await reasonIn(process, logged)) ?? "its log does not say why" };
}

/** The log comes through a pipe and may arrive after the verdict. */
async function reasonIn(process: EnvoyProcess, before: string): Promise<string | undefined> {
  const deadline = performance.now() + LOG_MS;
  while (performance.now() < deadline) {
    const reason = resourceRefusal(newerPart(before, process.logs()));
    if (reason !== undefined) return reason;
    await delay(POLL_MS);
  }
  return undefined;
}
