// Runs `docker compose up` until every container is healthy, tells how far it is, and finds out
// which part keeps it from that.

import { setTimeout as delay } from "node:timers/promises";
import { MeshwrightError } from "../../envoy/errors.js";
import type { CommandResult } from "../../envoy/runtime/command.js";
import { lastLines } from "../../envoy/runtime/envoy-log.js";
import type { RunEvent } from "../events.js";
import { GATEWAY } from "../mesh/names.js";
import { Progress } from "../mesh/progress.js";
import type { ComposeCli, ComposeContainer } from "./compose-cli.js";
import { docker } from "./engine.js";
import type { ContainerPlan } from "./plan.js";
import { appName, MODULES, sidecarName } from "./project.js";

const LOOK_MS = 1_000;
const DETAIL_LINES = 12;

/** A part of the mesh, as a person knows it, and the container whose health tells of it. */
export interface ContainerPart {
  readonly what: string;
  readonly service: string;
  /** The compose services that share its network. */
  readonly joined?: readonly string[];
}

/** The pods of a plan. */
export function podsOf({ mesh }: ContainerPlan): readonly ContainerPart[] {
  return mesh.services.map(({ name, start }) => ({
    what: `pod ${name}`,
    service: name,
    joined: [sidecarName(name), ...(start === undefined ? [] : [appName(name)])],
  }));
}

/** The Envoys and the services of a plan. */
export function partsOf({ mesh }: ContainerPlan): readonly ContainerPart[] {
  return [
    { what: `Envoy ${GATEWAY}`, service: GATEWAY },
    ...mesh.services.flatMap(({ name, start }) => [
      { what: `Envoy ${name}`, service: sidecarName(name) },
      ...(start === undefined ? [] : [{ what: `service ${name}`, service: appName(name) }]),
    ]),
  ];
}

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
  const child = compose.start(["up", "--detach", "--wait"]);
  const stop = () => void child.stop();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  try {
    const exit = await watchParts(compose, parts, progress, child.exited);
    signal?.throwIfAborted();
    if (exit.code === 0) return;
    throw await whatFailed(compose, parts, child.logs());
  } finally {
    signal?.removeEventListener("abort", stop);
    progress.end();
    await child.stop();
  }
}

async function watchParts(
  compose: ComposeCli,
  parts: readonly ContainerPart[],
  progress: Progress,
  exited: Promise<{ readonly code: number | null }>,
): Promise<{ readonly code: number | null }> {
  const ready = new Set<string>();
  for (;;) {
    const exit = await Promise.race([exited, delay(LOOK_MS, undefined)]);
    const containers = new Map((await compose.containers()).map((each) => [each.service, each]));
    for (const { what, service } of parts) {
      if (ready.has(what) || !isReady(service, containers)) continue;
      ready.add(what);
      progress.ready(what);
    }
    if (exit !== undefined) return exit;
    // Compose would wait for the health of a pod whose app is gone.
    if ([...containers.values()].some(hasEnded)) return { code: 1 };
  }
}

/** An app has no check of its own: its pod's says whether it takes connections. */
function isReady(service: string, containers: ReadonlyMap<string, ComposeContainer>): boolean {
  const checked = service.endsWith(appName("")) ? service.slice(0, -appName("").length) : service;
  return containers.get(checked)?.health === "healthy";
}

function hasEnded({ service, state, exitCode }: ComposeContainer): boolean {
  if (service === MODULES) return state === "exited" && exitCode !== 0;
  return state === "exited" || state === "dead" || state === "restarting";
}

async function whatFailed(
  compose: ComposeCli,
  parts: readonly ContainerPart[],
  output: string,
): Promise<MeshwrightError> {
  const containers = await compose.containers();
  const ended = containers.find(hasEnded);
  if (ended !== undefined)
    return failure(parts, ended, `ended with code ${ended.exitCode} before it was ready`);
  const sick = containers.find(({ health }) => health === "unhealthy");
  if (sick !== undefined) {
    const app = containers.find(({ service }) => service === appName(sick.service));
    const why = "does not take connections on its port: it must listen on 127.0.0.1, on the port in $PORT";
    return app === undefined ? failure(parts, sick, "does not become healthy") : failure(parts, app, why);
  }
  return composeFailure(output);
}

/** What compose or the engine said when no container can tell. */
export function composeFailure(output: string): MeshwrightError {
  const said = lastLines(output, DETAIL_LINES);
  const line =
    said.findLast((each) => /error|failed|cannot|denied/i.test(each)) ?? said.at(-1) ?? "it said nothing";
  const port = /(?:Bind for|listen tcp4?|address) ([\d.[\]:]*):(\d+)[^\n]*(?:already|in use)/i.exec(
    output,
  )?.[2];
  if (port !== undefined) {
    return new MeshwrightError(
      "port-taken",
      `port ${port} is already taken: end what uses it, or start with --port N`,
      said,
    );
  }
  if (/Cannot connect to the Docker daemon|error during connect/i.test(output)) {
    return new MeshwrightError(
      "envoy-not-found",
      "the container engine has stopped: start Docker, then start the mesh again",
      said,
    );
  }
  return new MeshwrightError("envoy-failed", `the engine does not start the mesh: ${line.trim()}`, said);
}

async function failure(
  parts: readonly ContainerPart[],
  { service, name }: ComposeContainer,
  how: string,
): Promise<MeshwrightError> {
  const { output }: CommandResult = await docker(["logs", "--tail", String(DETAIL_LINES), name]);
  const lines = lastLines(output, DETAIL_LINES);
  if (service === MODULES)
    return new MeshwrightError("build", lines.at(-1) ?? "the filters' modules are missing");
  const what = parts.find((part) => part.service === service)?.what ?? service;
  const code = what.startsWith("service ") ? "service-failed" : "envoy-failed";
  return new MeshwrightError(code, `${what} ${how}: see its last lines`, lines);
}
