// Reads the files of a command line and renders what an Envoy of the operator's own reads.

import path from "node:path";
import { dryRun } from "../../compose/dry-run.js";
import type { ModulePath } from "../../compose/filter-use.js";
import type { Upstreams } from "../../compose/front/arguments.js";
import { LeanModules } from "../../compose/lean-modules.js";
import { speaksTls } from "../../compose/mesh/addresses.js";
import { buildModules } from "../../compose/modules.js";
import type { UpstreamAddress } from "../../compose/upstream-url.js";
import { findCaBundle } from "../../envoy/runtime/ca-bundle.js";
import { compiledModule } from "../../kit/host/compiled.js";
import { findRunnable } from "../../toolchain/bundle/find.js";
import { workspaceRoot } from "../../toolchain/compile/source.js";
import { unifiedDiff } from "../diff/unified.js";
import { type EnvoyFile, type FilterForm, filterForm } from "../envoy/filters.js";
import { commentFor, copyLines, ownNames, patchPlan, unservedLines } from "../envoy/own.js";
import { frontFiles, meshFiles, PLAIN_WARNING } from "../envoy/whole.js";
import {
  type EnvoyWords,
  parseDestinations,
  parseFolders,
  refusePatchOptions,
  usage,
} from "../envoy/words.js";
import { filterNames, filterUses, type RenderInput } from "../input.js";
import { patchFile } from "./envoy-patch.js";
import { readRenderInput } from "./sources.js";

export interface RenderEnvoyOptions {
  readonly words: EnvoyWords;
  /** The services behind the Envoy; for filters' files without a file of the operator's own. */
  readonly upstreams: Upstreams | undefined;
  readonly grpcServices: Readonly<Record<string, UpstreamAddress>>;
  readonly httpServices: Readonly<Record<string, UpstreamAddress>>;
  readonly port: number;
  readonly adminPort: number;
  readonly firstPort: number;
  readonly onProgress: (line: string) => void;
}

export interface RenderedEnvoy {
  readonly files: readonly EnvoyFile[];
  /** For a file of the operator's own: how it and the files beside it change. */
  readonly patch?: string;
  /** What the reader must do or know, one line each. */
  readonly warnings: readonly string[];
}

/**
 * @throws MeshwrightError `usage`, `configuration` with file and line, and `build`; nothing is
 * written
 */
export async function renderEnvoyFiles(
  files: readonly string[],
  options: RenderEnvoyOptions,
): Promise<RenderedEnvoy> {
  const { words, onProgress } = options;
  const folders = parseFolders(words);
  const input = await readRenderInput(files);
  refuseWhatDoesNotGoTogether(input, options);
  const built = await triedModules(input, onProgress);
  const lean = new LeanModules(path.join(workspaceRoot(), "build"));
  const wholePath: ModulePath = ({ filter }) => built.get(filter) ?? "";
  const leanPath: ModulePath = (use) => lean.pathOf(wholePath(use), use);
  const form = filterForm(words.lean ? leanPath : wholePath, folders);
  const rendered = await renderWith(form, input, options);
  return { ...rendered, warnings: [...rendered.warnings, ...moduleLines(lean.modules, folders.modules)] };
}

/** Modules whose names change with the settings are not yet where Envoy will look for them. */
function moduleLines(modules: readonly string[], folder: string | undefined): readonly string[] {
  if (folder === undefined) return [];
  return modules.map((file) => `copy ${path.relative(process.cwd(), file)} to ${folder} before Envoy starts`);
}

async function renderWith(
  form: FilterForm,
  input: RenderInput,
  options: RenderEnvoyOptions,
): Promise<RenderedEnvoy> {
  const { words } = options;
  if (words.patch !== undefined && input.kind === "filters") {
    return patchOf(words.patch, ownNames(input), options, form);
  }
  const caFile = await caFileFor(input, options);
  if (input.kind === "mesh")
    return {
      files: meshFiles(input, { ...options, caFile }, form),
      warnings: input.mesh.identity === undefined ? [PLAIN_WARNING] : [],
    };
  const { upstreams, grpcServices, httpServices, port, adminPort } = options;
  if (upstreams === undefined)
    throw usage("name the service behind Envoy by --upstream, or a file of your own by --patch");
  return {
    files: frontFiles(input, { upstreams, grpcServices, httpServices, port, adminPort, caFile }, form),
    warnings: [],
  };
}

/**
 * Builds the modules and tries every configuration on its module: an Envoy that starts with one
 * that its module refuses answers every request with 500.
 */
async function triedModules(
  input: RenderInput,
  onProgress: (line: string) => void,
): Promise<ReadonlyMap<string, string>> {
  const members = await Promise.all(filterNames(input).map((name) => findRunnable(name)));
  const built = await buildModules(members, { onProgress });
  for (const { filter, config, placeOf } of filterUses(input)) {
    dryRun(filter, compiledModule(built.get(filter) ?? ""), JSON.stringify(config), placeOf([]));
  }
  return built;
}

function refuseWhatDoesNotGoTogether(input: RenderInput, { words, upstreams }: RenderEnvoyOptions): void {
  if (words.patch === undefined) refusePatchOptions(words);
  else if (upstreams !== undefined)
    throw usage(
      "--upstream is for a whole configuration, and --patch has clusters of its own: give one of them",
    );
  if (input.kind === "filters") return;
  if (words.patch !== undefined) {
    throw usage(`${input.file} is a mesh file, which describes whole Envoys: give filters' files to --patch`);
  }
  if (upstreams !== undefined)
    throw usage(`${input.file} is a mesh file, which has its services in it: leave out --upstream`);
}

async function patchOf(
  file: string,
  uses: ReturnType<typeof ownNames>,
  options: RenderEnvoyOptions,
  form: FilterForm,
): Promise<RenderedEnvoy> {
  const { words, grpcServices, httpServices } = options;
  const destinations = parseDestinations(words.destination);
  const warnings = [...unservedLines(uses, destinations), ...copyLines(uses)];
  const { listener, cluster: clusters } = words;
  const caFile = await caFileFor(undefined, options);
  const plan = patchPlan(
    uses,
    { listener, clusters, destinations, grpcServices, httpServices, caFile },
    form,
  );
  const { before, after } = await patchFile(file, plan, {
    warn: (line) => warnings.push(line),
    commentOf: commentFor(uses),
  });
  const beside = uses.flatMap(form.fileOf);
  const diffs = [
    ...(before === after ? [] : [unifiedDiff(file, file, before, after)]),
    ...beside.map(({ name, text }) => unifiedDiff("/dev/null", name, "", text)),
  ];
  return { files: [{ name: path.basename(file), text: after }, ...beside], patch: diffs.join(""), warnings };
}

/** Undefined where nothing speaks TLS: a machine then needs no certificates. */
async function caFileFor(
  input: RenderInput | undefined,
  options: RenderEnvoyOptions,
): Promise<string | undefined> {
  const { upstreams, grpcServices, httpServices } = options;
  const named = [upstreams?.named ?? {}, grpcServices, httpServices].flatMap((each) => Object.values(each));
  const isTls = [...named, ...(upstreams === undefined ? [] : [upstreams.fallback])].some(({ tls }) => tls);
  return isTls || (input?.kind === "mesh" && speaksTls(input.mesh)) ? findCaBundle() : undefined;
}
