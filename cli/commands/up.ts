// `meshwright up`: runs a mesh file.

import { setTimeout as delay } from "node:timers/promises";
import { type Command, Option } from "commander";
import { ENGINES, type EngineKind, startUp } from "../../compose/containers/choose.js";
import { describeEvent } from "../../compose/events.js";
import type { VersionFigures } from "../../compose/mesh/figures.js";
import { defaultMeshFile } from "../../compose/mesh/file.js";
import { callLines, curlLines, filterLines, triedPrefixes } from "../../compose/mesh/summary.js";
import { renderTable } from "../../compose/mesh/table.js";
import { startTraffic } from "../../compose/mesh/traffic.js";
import type { UpMesh } from "../../compose/up-mesh.js";
import { exitCodesHelp } from "../failures.js";
import { listenForInterrupt } from "../interrupt.js";
import { listenForKeys, takesKeys } from "../keys.js";
import { columns, type Screen } from "../screen.js";
import { parsePort, parseRate } from "./options.js";

const DEFAULT_RPS = 10;
const READ_MS = 1_000;
/** Reading many Envoys takes long. They and the reader need most of the time for other things. */
const READ_SHARE = 0.2;
/**
 * Outside a terminal each table is a block in a log. It is enough to print one at this interval,
 * and only when it has changed.
 */
const PRINT_MS = 5_000;

interface Reading {
  readonly figures: readonly VersionFigures[];
  readonly at: number;
}

interface UpOptions {
  readonly port?: number;
  readonly engine?: EngineKind;
  readonly traffic?: number | true;
  readonly table: boolean;
}

export function addUp(root: Command, screen: Screen): void {
  root
    .command("up")
    .description("Run a mesh: a gateway, services, and a stock Envoy with filters beside each of them.")
    .argument(
      "[file]",
      "the mesh file; default: mesh.yaml or compose/mesh.yaml of this folder, or else meshwright's own",
    )
    .option("--port <number>", "the gateway's port in place of the file's; 0 takes a free one", parsePort)
    .addOption(
      new Option(
        "--engine <kind>",
        "what the mesh runs as; default: container where Docker answers and the images are there",
      ).choices(ENGINES),
    )
    .option(
      "--traffic [rps]",
      `send requests to the mesh, this many per second (default ${DEFAULT_RPS})`,
      parseRate,
    )
    .option("--no-table", "do not show the table of what reached which version")
    .addHelpText("after", EXAMPLES)
    .action(async (file: string | undefined, options: UpOptions) => {
      using interrupt = listenForInterrupt(screen);
      await using mesh = await startUp({
        file: file ?? defaultMeshFile(),
        ...(options.port === undefined ? {} : { gatewayPort: options.port }),
        ...(options.engine === undefined ? {} : { engine: options.engine }),
        signal: interrupt.signal,
        onEvent: (event) => screen.print(screen.folded(describeEvent(event))),
      });
      screen.print(welcome(mesh, screen));
      {
        using _keys = listenForKeys(process.stdin, screen, mesh);
        await showUntilOver(mesh, options, screen, interrupt.signal);
      }
      await mesh.stop();
      screen.print(["Stopped."]);
    });
}

/** Throws where the mesh cannot go on. */
async function showUntilOver(
  mesh: UpMesh,
  options: UpOptions,
  screen: Screen,
  interrupt: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const shown = show(mesh, options, screen, AbortSignal.any([interrupt, over.signal]));
  const failure = await Promise.race([shown, mesh.failed]);
  over.abort();
  await shown;
  if (failure !== undefined) throw failure;
}

function welcome(mesh: UpMesh, screen: Screen): string[] {
  const indent = (lines: readonly string[]) => lines.map((line) => `  ${line}`);
  const calls = callLines(mesh.mesh);
  return [
    "",
    `The mesh "${mesh.mesh.name}" runs on ${mesh.runsOn}.`,
    ...indent(mesh.addresses),
    ...(calls.length === 0 ? [] : ["Calls", ...screen.folded(indent(calls))]),
    "Identity",
    ...screen.folded(indent(mesh.identityLines)),
    "Filters",
    ...screen.folded(indent(filterLines(mesh.mesh))),
    "Try",
    ...indent(curlLines(mesh.mesh, mesh)),
    ...columns(mesh.files),
    `${mesh.edits} Ctrl-C ends it.`,
    ...(takesKeys(process.stdin, screen) ? ["The key r starts an Envoy or a service again."] : []),
    "",
  ];
}

async function show(mesh: UpMesh, options: UpOptions, screen: Screen, signal: AbortSignal): Promise<void> {
  const rps = options.traffic === true ? DEFAULT_RPS : options.traffic;
  await using _traffic =
    rps === undefined
      ? undefined
      : startTraffic({
          url: mesh.gatewayUrl,
          host: mesh.door?.host,
          rps,
          prefixes: triedPrefixes(mesh.mesh),
        });
  if (!options.table) return aborted(signal);
  let shown: Reading | undefined;
  while (!signal.aborted) {
    const begun = performance.now();
    const reading = { figures: await mesh.figures(), at: performance.now() };
    if (signal.aborted) return;
    if (isDue(reading, shown, screen.interactive)) {
      screen.draw(tableLines(reading, shown, screen));
      shown = reading;
    }
    const pause = Math.max(READ_MS, (reading.at - begun) / READ_SHARE);
    await delay(pause, undefined, { signal }).catch(() => {});
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function isDue(reading: Reading, shown: Reading | undefined, interactive: boolean): boolean {
  if (interactive) return true;
  if (shown === undefined) return reading.figures.some((each) => each.requests > 0);
  if (reading.at - shown.at < PRINT_MS) return false;
  return JSON.stringify(reading.figures) !== JSON.stringify(shown.figures);
}

function tableLines(reading: Reading, shown: Reading | undefined, screen: Screen): string[] {
  return renderTable({
    now: reading.figures,
    ...(shown === undefined ? {} : { before: shown.figures }),
    seconds: shown === undefined ? 0 : (reading.at - shown.at) / 1000,
    width: screen.width,
    colours: screen.colours,
  });
}

const EXAMPLES = `
Every version of a service gets a sidecar of its own, and all traffic between
services goes through the sidecars, by mutual TLS (identity.mode of the file).
The run's files are in .meshwright/<mesh name>/ below the current folder. They
are removed at the end, except identity/, the authority of the certificates.

While it runs, an edit of filters' settings, routes, timeouts, retries or other
traffic policy in the mesh file is applied when it is saved. The command names
changes that need a restart, and mistakes; the last good settings stay. Every
option of the file: compose/README.md and docs/traffic-policy.md.

In containers, services, versions and their instances are applied too.
Every container and network has a label of the run, and is removed at the end.
A version { compose: NAME } is a service of the compose project beside the mesh
file: the project runs with the mesh around it, and its volumes stay.

An Envoy or a service that ends is started again, after 1 s at first and up to
30 s where it keeps ending. On a terminal, the key r starts one again at once.

Examples:
  meshwright up                         the demo mesh
  meshwright up --traffic               … with ten requests per second
  meshwright up my-mesh.yaml --port 0   your own services, at a free port
  meshwright up --engine container      in containers, by docker compose
  meshwright init && meshwright up      around your own compose project
${exitCodesHelp("the mesh ran until Ctrl-C", [
  "configuration",
  "usage",
  "build",
  "envoy-not-found",
  "envoy-failed",
  "service-failed",
  "port-taken",
  "already-running",
  "tool-missing",
  "write-failed",
  "interrupted",
])}`;
