// What a build refuses in addition to the compiler: a module that stock Envoy would not load, or
// would load and never call.

import { MeshwrightError } from "../../envoy/errors.js";
import { callbacksOf } from "../../envoy/module/abi.js";
import { inspectModule, type ModuleReport } from "../../envoy/module/inspect.js";
import type { WasmModule } from "../../envoy/module/parts.js";
import { readModule } from "../../envoy/module/read.js";
import { nearest } from "../../envoy/problems.js";
import { type Compiled, compileEntry } from "../compile/compile.js";
import { type Source, withShownNames } from "../compile/source.js";
import { SourceMap } from "../compile/source-map.js";
import { CallSites, hostCallsAtStart } from "./blame.js";
import { makesRoot, startFaults } from "./dry-start.js";
import { idleFaults } from "./idle-filter.js";
import { rootContextFaults } from "./root-contexts.js";
import {
  CALLS,
  COMPATIBLE,
  type ExportedCallbacks,
  NETWORK,
  PLUGIN,
  STATELESS,
  STREAM,
  silentMethods,
} from "./silent-methods.js";
import { SourceTree } from "./source-tree.js";

/**
 * Throws `MeshwrightError("build")` that says what is wrong. Its details are the lines of source
 * that cause it.
 */
export async function refuseFlaws(source: Source, compiled: Compiled): Promise<void> {
  const { entry, sdk } = source;
  const report = inspectModule(compiled.release);
  const module = readModule(compiled.debug);
  await refuseUnlinkedImports(source, report);
  await refuseStartCalls(source, module);
  const map = new SourceMap(compiled.map);
  const placeOf = placesOf(entry, map);
  refuse(
    `stock Envoy would refuse ${entry}`,
    report.refusals.map((line) => withPlace(line, placeOf, sdk)),
  );
  await refuseFailedStart(source, compiled);
  refuse(`${entry} exports a callback that Envoy does not know`, unknownCallbacks(report, placeOf));
  refuse(`${entry} does not export all that its callbacks need`, missingCompanions(module, report, sdk));
  // A generated entry has no code of its own. That of its filters is checked with each filter.
  const exported = { callbacks: report.callbacks, files: callbackFiles(module, sdk) };
  if (source.text === undefined) await refuseIdleCode(source, exported);
  if (isOfSdk(exported.files) && !makesRoot(compiled)) {
    const advice = "call registerRootContext at the file's top level, under no condition";
    refuse(`${entry} makes no filter`, [`${entry}: its start registers no root context: ${advice}`]);
  }
}

async function refuseIdleCode(source: Source, exported: ExportedCallbacks): Promise<void> {
  const { entry } = source;
  const tree = await SourceTree.of(source);
  const isCompatible = exported.files.has(COMPATIBLE);
  if (isOfSdk(exported.files))
    refuse(`${entry} makes no filter`, rootContextFaults(tree, source, isCompatible));
  refuse(
    `${entry} does not export a callback that it implements`,
    await silentMethods(source, exported, tree),
  );
  if (isOfSdk(exported.files)) refuse(`${entry} would do nothing`, idleFaults(tree, source, exported));
}

/**
 * Throws `MeshwrightError("build")` where the module is larger than its budget. Sizes are in bytes.
 */
export function refuseOversize(name: string, bytes: number, budget: number): void {
  if (bytes <= budget) return;
  const text = (size: number) => size.toLocaleString("en");
  throw new MeshwrightError(
    "build",
    `${name} has ${text(bytes)} bytes, and may have ${text(budget)}: make it smaller or raise --size-budget`,
  );
}

function refuse(message: string, lines: readonly string[]): void {
  if (lines.length > 0) throw new MeshwrightError("build", message, lines);
}

async function refuseUnlinkedImports(source: Source, report: ModuleReport): Promise<void> {
  const unlinked = report.imports.filter((each) => !each.linked).map((each) => `${each.module}.${each.name}`);
  if (unlinked.length === 0) return;
  const sites = await CallSites.of(source);
  throw new MeshwrightError(
    "build",
    `${source.entry} needs ${unlinked.join(", ")}, which stock Envoy does not link`,
    sites.explainImports(),
  );
}

async function refuseStartCalls(source: Source, module: WasmModule): Promise<void> {
  if (hostCallsAtStart(module).length === 0) return;
  const sites = await CallSites.of(source);
  refuse(
    `${source.entry} calls the host when the module starts, before a plugin exists`,
    sites.explainStart(),
  );
}

async function refuseFailedStart(source: Source, compiled: Compiled): Promise<void> {
  const faults = startFaults(compiled, source);
  if (faults.length === 0) return;
  // Every call is where the source has it only without optimizing.
  const exact = startFaults(await compileEntry(source, { optimization: "none" }), source);
  refuse(`${source.entry} does not start`, exact.length > 0 ? exact : faults);
}

/** The place of an exported function in the sources, as `index.ts:12:`. */
type PlaceOf = (name: string) => string | undefined;

/**
 * A function of the entry file itself is the exported one, even where other files have one of the
 * same name.
 */
function placesOf(entry: string, map: SourceMap): PlaceOf {
  return (name) => {
    const places = map.find(new RegExp(`\\bfunction ${name}\\b`));
    const place = places.find(({ source }) => source === entry) ?? places[0];
    return place === undefined ? undefined : `${place.source}:${place.line}:`;
  };
}

/** A refusal of an export, with its line of source. */
function withPlace(refusal: string, placeOf: PlaceOf, sdk: string): string {
  const name = /^it exports (\w+) as /.exec(refusal)?.[1];
  const place = name === undefined ? undefined : placeOf(name);
  if (place !== undefined) return `${place} ${refusal}`;
  const isMissing = /^it exports no (ABI marker|allocator)/.test(refusal);
  return isMissing
    ? `${refusal}; export malloc and proxy_abi_version_0_2_1 from ${sdk}exports/plugin`
    : refusal;
}

function unknownCallbacks(report: ModuleReport, placeOf: PlaceOf): readonly string[] {
  const known = [...callbacksOf(report.abi ?? "0.2.1").keys()];
  return report.unknownCallbacks.map((name) => {
    const near = nearest(name, known);
    const hint = near === undefined ? "there is no callback with a similar name" : `did you mean ${near}?`;
    const place = placeOf(name);
    return `${place === undefined ? "" : `${place} `}${name} is never called: ${hint}`;
  });
}

/** Host calls of the SDK that are answered by a callback. */
const ANSWERS: Readonly<Record<string, readonly [file: string, ...callbacks: string[]]>> = {
  proxy_set_tick_period_milliseconds: [PLUGIN, "proxy_on_tick"],
  proxy_http_call: [CALLS, "proxy_on_http_call_response"],
  proxy_grpc_call: [CALLS, "proxy_on_grpc_receive", "proxy_on_grpc_close"],
  proxy_grpc_stream: [CALLS, "proxy_on_grpc_receive", "proxy_on_grpc_close"],
};

/** A line for each missing callback without which other callbacks do nothing, or leak memory. */
function missingCompanions(module: WasmModule, report: ModuleReport, sdk: string): readonly string[] {
  const files = callbackFiles(module, sdk);
  const isMissing = (name: string) => !report.callbacks.includes(name);
  const contexts = [STREAM, NETWORK]
    .filter((file) => files.has(file))
    .flatMap((file) =>
      ["proxy_on_context_create", "proxy_on_delete"]
        .filter(isMissing)
        .map(
          (name) => `export ${name} from ${sdk}${file} too: it keeps a context for each stream or connection`,
        ),
    );
  // A module without the SDK may wait for its answers in its own way.
  if (!isOfSdk(files)) return contexts;
  const answers = report.imports.flatMap(({ name: call }) => {
    const [file, ...callbacks] = ANSWERS[call] ?? [""];
    return callbacks
      .filter(isMissing)
      .map((name) => `export ${name} from ${sdk}${file}: it gets the answer to ${call}`);
  });
  return [...contexts, ...new Set(answers)];
}

/** Whether the callbacks call the SDK's contexts, and not the module's own. */
function isOfSdk(files: ReadonlySet<string>): boolean {
  return [PLUGIN, STREAM, STATELESS, NETWORK, CALLS, COMPATIBLE].some((file) => files.has(file));
}

/**
 * The files that the module's callbacks come from, without their extension; files of the SDK by
 * their path in it.
 */
function callbackFiles(module: WasmModule, sdk: string): ReadonlySet<string> {
  const files = module.exports
    .filter((entry) => entry.kind === "function" && entry.name.startsWith("proxy_on_"))
    .map((entry) => module.functionNames.get(entry.index) ?? "")
    .map((name) => withShownNames(name.slice(0, name.lastIndexOf("/"))))
    .map((file) => (file.startsWith(sdk) ? file.slice(sdk.length) : `./${file}`));
  return new Set(files);
}
