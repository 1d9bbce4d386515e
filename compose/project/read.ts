// Reads a person's compose project: by compose itself where it is installed, which needs no engine,
// and otherwise by the loader of this room. Both give the same model.

import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { docker } from "../containers/engine.js";
import { type Completed, complete, profilesOf } from "./complete.js";
import type { Variables } from "./environment.js";
import { findFiles, type ProjectFiles } from "./find-files.js";
import { ProjectLoader } from "./load.js";
import type { ComposeProject, ProjectModel } from "./model.js";
import { refused } from "./problem.js";
import { isDict } from "./values.js";

const CONFIG_MS = 60_000;

export interface ReadOptions {
  /** Where a person stands. */
  readonly folder: string;
  /** The compose files that they name, from that folder; default: those that compose finds. */
  readonly files?: readonly string[];
  /** Beside those of COMPOSE_PROFILES. */
  readonly profiles?: readonly string[];
  readonly env?: Variables;
  /** Which program reads; default: compose where it is installed. */
  readonly by?: ComposeProject["readBy"];
}

/**
 * Reads a compose project.
 * @throws MeshwrightError `configuration` for files that cannot be used
 */
export async function readProject(options: ReadOptions): Promise<ComposeProject> {
  const { folder, files: named = [], env = process.env } = options;
  const found = await findFiles(folder, { named, env });
  const profiles = [...new Set([...(options.profiles ?? []), ...profilesOf(found.variables)])];
  const loader = new ProjectLoader(path.resolve(folder));
  const placeOf = (at: readonly PropertyKey[]) => placeIn(loader, found.files, at);
  const own = await settled(async () => {
    const scope = { folder: found.folder, variables: found.variables, trail: [] };
    const merged = await loader.files(found.files, scope);
    return await complete(merged, { ...found, profiles, placeOf });
  });
  const printed = options.by === "meshwright" ? undefined : await byCompose(found, profiles, options.by);
  // Our own errors say where; compose may read what the loader cannot.
  if (printed === undefined || !printed.ok) {
    if (!own.ok) throw own.error;
    if (printed !== undefined) throw printed.error;
  }
  return {
    model: printed?.ok ? inOrderOf(own, printed.value) : (own as Succeeded<Completed>).value.model,
    inactive: own.ok ? own.value.inactive : {},
    files: loader.loaded.map(({ file }) => file),
    main: found.files,
    named: found.isDefault ? [] : found.files,
    folder: found.folder,
    here: path.resolve(folder),
    readBy: printed?.ok ? "compose" : "meshwright",
    placeOf,
  };
}

interface Succeeded<T> {
  readonly ok: true;
  readonly value: T;
}

type Settled<T> = Succeeded<T> | { readonly ok: false; readonly error: MeshwrightError };

/** Compose prints its services by their names; people know them in the order of their files. */
function inOrderOf(own: Settled<Completed>, printed: ProjectModel): ProjectModel {
  const order = own.ok ? Object.keys(own.value.model.services) : [];
  const names = [...new Set([...order, ...Object.keys(printed.services)])];
  const services = names.flatMap((name) => {
    const service = printed.services[name];
    return service === undefined ? [] : [[name, service] as const];
  });
  return { ...printed, services: Object.fromEntries(services) };
}

async function settled<T>(work: () => Promise<T>): Promise<Settled<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (error instanceof MeshwrightError) return { ok: false, error };
    throw error;
  }
}

/** The model as compose prints it; undefined where compose is not installed. */
async function byCompose(
  { files, folder, variables }: ProjectFiles,
  profiles: readonly string[],
  by: ReadOptions["by"],
): Promise<Settled<ProjectModel> | undefined> {
  const named = files.flatMap((file) => ["--file", file]);
  const asked = profiles.flatMap((profile) => ["--profile", profile]);
  const args = ["compose", "--project-directory", folder, ...named, ...asked, "config", "--format", "json"];
  // The files of variables are read already, and what they say is among the variables.
  const env = { ...variables, COMPOSE_ENV_FILES: undefined, COMPOSE_DISABLE_ENV_FILE: "1" };
  const printed = await docker(args, env, CONFIG_MS);
  if (printed.outcome === "done") return settled(async () => modelOf(printed.output));
  if (by === undefined && !(await hasCompose())) return undefined;
  const said = printed.output.trim().split("\n").at(-1) || printed.reason;
  return { ok: false, error: refused("", `docker compose cannot read it: ${said}`) };
}

async function hasCompose(): Promise<boolean> {
  return (await docker(["compose", "version", "--short"])).outcome === "done";
}

/** Warnings of compose stand behind the model. */
function modelOf(output: string): ProjectModel {
  const [json] = /^\{.*?^\}/ms.exec(output) ?? [];
  if (json === undefined) throw refused("", "docker compose printed no project: update it to 2.24 or later");
  return unescaped(JSON.parse(json)) as ProjectModel;
}

/** Compose prints a dollar sign so that it can read its own output again. */
function unescaped(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("$$", "$");
  if (Array.isArray(value)) return value.map(unescaped);
  if (!isDict(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unescaped(item)]));
}

/** The part in the last file that has most of its path. */
function placeIn(loader: ProjectLoader, files: readonly string[], at: readonly PropertyKey[]): string {
  let [best, place] = [0, loader.shown(files[0] ?? "")];
  for (const { layers } of loader.loaded) {
    for (const layer of layers) {
      const reach = layer.reach(at);
      if (reach > 0 && reach >= best) [best, place] = [reach, layer.placeOf(at)];
    }
  }
  return place;
}
