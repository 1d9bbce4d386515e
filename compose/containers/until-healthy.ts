// Runs `docker compose up` until every container is healthy, tells how far it is, and finds out
// which part keeps it from that.

import { setTimeout as delay } from "node:timers/promises";
import { MeshwrightError } from "../../envoy/errors.js";
import { lastLines } from "../../envoy/runtime/envoy-log.js";
import type { RunEvent } from "../events.js";
import { Progress } from "../mesh/progress.js";
import type { ComposeCli, ComposeContainer } from "./compose-cli.js";
import { composeFailure } from "./compose-failure.js";
import { docker } from "./engine.js";
import { type ContainerPart, type Containers, hasEnded, isReady, partsOf, podsOf } from "./parts.js";
import type { ContainerPlan } from "./plan.js";
import { lastCheck, SlowParts } from "./slow-parts.js";

const LOOK_MS = 1_000;
const DETAIL_LINES = 12;

/**
 * Settles when every container of the project is healthy.
 * @throws MeshwrightError `service-failed`, `envoy-failed`, `build` or `port-taken` with the last
 * lines of what failed; the reason of `signal` after an abort
 */
export async function untilHealthy(
  compose: ComposeCli,
  plan: ContainerPlan,
  options: { readonly onEvent: (event: RunEvent) => void; readonly signal?: AbortSignal },
): Promise<void> {
  const { onEvent, signal } = options;
  const parts = partsOf(plan);
  const progress = new Progress(parts.length, onEvent);
  for (const { what } of parts) progress.waiting(what);
  const child = compose.start(["up", "--detach"]);
  const stop = () => void child.stop();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  try {
    const look = new Look(compose, plan, progress, onEvent);
    const outcome = await look.untilOver(child.exited, signal);
    signal?.throwIfAborted();
    if (outcome === "failed") throw await whatFailed(compose, plan, child.logs());
  } finally {
    signal?.removeEventListener("abort", stop);
    progress.end();
    await child.stop();
  }
}

/** Looks at the containers again and again while they start. */
class Look {
  readonly #compose: ComposeCli;
  readonly #plan: ContainerPlan;
  readonly #parts: readonly ContainerPart[];
  readonly #progress: Progress;
  readonly #ready = new Set<string>();
  readonly #slow: SlowParts;

  constructor(
    compose: ComposeCli,
    plan: ContainerPlan,
    progress: Progress,
    onEvent: (event: RunEvent) => void,
  ) {
    this.#compose = compose;
    this.#plan = plan;
    this.#parts = partsOf(plan);
    this.#progress = progress;
    this.#slow = new SlowParts(compose, onEvent);
  }

  /** @param exited when compose has started everything, or given up */
  async untilOver(
    exited: Promise<{ readonly code: number | null }>,
    signal?: AbortSignal,
  ): Promise<"ready" | "failed"> {
    let exit: { readonly code: number | null } | undefined;
    void exited.then((value) => {
      exit = value;
    });
    for (;;) {
      await (exit === undefined ? Promise.race([exited, delay(LOOK_MS)]) : delay(LOOK_MS));
      if (signal?.aborted) return "failed";
      const isStarted = exit !== undefined;
      const containers = new Map((await this.#compose.containers()).map((each) => [each.service, each]));
      this.#tellReady(containers);
      if (exit !== undefined && exit.code !== 0) return "failed";
      // Compose would wait for the health of a pod whose app is gone.
      if (failedContainer(this.#plan, containers) !== undefined) return "failed";
      if (isStarted && this.#ready.size === this.#parts.length) return "ready";
      await this.#slow.look(this.#parts, containers);
    }
  }

  #tellReady(containers: Containers): void {
    for (const part of this.#parts) {
      if (this.#ready.has(part.what) || !isReady(part, containers)) continue;
      this.#ready.add(part.what);
      this.#progress.ready(part.what);
    }
  }
}

/** The first container that keeps the mesh from being ready. */
function failedContainer(plan: ContainerPlan, containers: Containers): ComposeContainer | undefined {
  const { modules } = plan.names;
  const check = containers.get(modules);
  if (check?.state === "exited" && check.exitCode !== 0) return check;
  const services = [...podsOf(plan), ...partsOf(plan)].map(({ service }) => service);
  const found = services.flatMap((service) => containers.get(service) ?? []);
  return found.find(hasEnded) ?? found.find(({ health }) => health === "unhealthy");
}

async function whatFailed(
  compose: ComposeCli,
  plan: ContainerPlan,
  output: string,
): Promise<MeshwrightError> {
  const containers = new Map((await compose.containers()).map((each) => [each.service, each]));
  const failed = failedContainer(plan, containers);
  if (failed === undefined) return composeFailure(output, compose.project);
  const { service, name, exitCode } = failed;
  if (service === plan.names.modules) {
    return new MeshwrightError(
      "build",
      (await lastLinesOf(name)).at(-1) ?? "the filters' modules are missing",
    );
  }
  const parts = partsOf(plan);
  const part = parts.find((each) => each.service === service) ?? {
    what: podsOf(plan).find((each) => each.service === service)?.what ?? service,
    service,
  };
  if (hasEnded(failed)) return failure(part, name, `ended with code ${exitCode} before it was ready`);
  if (part.pod !== undefined) return failure(part, name, `does not become healthy: ${await lastCheck(name)}`);
  const app = parts.find((each) => each.pod === service);
  const container = containers.get(app?.service ?? "");
  if (app === undefined || container === undefined) return failure(part, name, "does not become healthy");
  return failure(app, container.name, deaf(plan, service));
}

/** What an app must do whose pod finds nobody at its port. */
function deaf(plan: ContainerPlan, pod: string): string {
  const { compose, address, service } = plan.mesh.services.find(({ name }) => name === pod) ?? {};
  const said = "does not take connections on its port";
  return compose === undefined
    ? `${said}: it must listen on 127.0.0.1, on the port in $PORT`
    : `${said}, ${address?.port}: correct services.${service}.port in the mesh file`;
}

async function failure({ what }: ContainerPart, container: string, how: string): Promise<MeshwrightError> {
  const code = what.startsWith("service ") ? "service-failed" : "envoy-failed";
  return new MeshwrightError(code, `${what} ${how}: see its last lines`, await lastLinesOf(container));
}

async function lastLinesOf(container: string): Promise<readonly string[]> {
  const { output } = await docker(["logs", "--tail", String(DETAIL_LINES), container]);
  return lastLines(output, DETAIL_LINES);
}
