// Plans a mesh of containers: a compose project, and the folder with the files of its Envoys. Pure.

import path from "node:path";
import type { FilterUse } from "../filter-use.js";
import type { LeanModules } from "../lean-modules.js";
import { GATEWAY } from "../mesh/names.js";
import { type MeshPlan, planMesh } from "../mesh/plan.js";
import type { Mesh } from "../mesh/shape.js";
import { wasmFilters } from "../mesh/topology.js";
import { usesIpv6 } from "./around/around.js";
import type { UserProject } from "./around/user-project.js";
import type { ComposeProject } from "./compose-project.js";
import { composeYaml } from "./compose-yaml.js";
import { type EnvoyFilesInput, envoyFiles } from "./envoy-files.js";
import { literal, variable } from "./interpolation.js";
import { GUEST_NAMES, OWN_NAMES, type PartNames } from "./part-names.js";
import { containerPlaces, containerPorts } from "./places.js";
import { composeProject, MODULES_FOLDER, type ProjectOptions } from "./project.js";
import { ENVOYS_FOLDER, moduleFile, moduleOf } from "./run-places.js";
import { envoyUser, RUN_LABEL, type RunSettings, settingValues } from "./run-settings.js";

export interface ContainerPlanOptions extends Omit<ProjectOptions, "modules" | "names"> {
  /** The mesh file's folder, absolute. */
  readonly home: string;
  /** The name of the file that runs a filter. Default: its whole module. */
  readonly moduleFile?: (use: FilterUse) => string;
  /** A comment at the top of the compose file. */
  readonly heading: readonly string[];
}

export interface ContainerPlan {
  readonly mesh: MeshPlan;
  readonly names: PartNames;
  readonly project: ComposeProject;
  readonly composeFile: string;
  /** The contents of the Envoys' files, by their paths below the folder of all Envoys. */
  readonly envoyFiles: ReadonlyMap<string, string>;
}

/** The same mesh and options give the same plan. */
export function planContainers(mesh: Mesh, options: ContainerPlanOptions): ContainerPlan {
  const { around, moduleFile: fileOf = ({ filter }) => moduleFile(filter) } = options;
  const names = around === undefined ? OWN_NAMES : GUEST_NAMES;
  const rules = around === undefined ? {} : { rules: { ipv6: usesIpv6(around) } };
  const plan = planMesh(mesh, {
    directory: "/",
    home: options.home,
    ports: containerPorts(mesh, rules),
    modulePath: (use) => path.posix.join(MODULES_FOLDER, fileOf(use)),
    places: containerPlaces(mesh, rules),
    // The authorities of Envoy's image.
    caFile: "/etc/ssl/certs/ca-certificates.crt",
  });
  // Not what is made of them, which an edit of settings changes.
  const modules = wasmFilters(mesh).map((filter) => path.posix.join(MODULES_FOLDER, moduleFile(filter)));
  const project = composeProject(mesh, plan.services, { ...options, names, modules: modules.sort() });
  return {
    mesh: plan,
    names,
    project,
    composeFile: composeYaml(project, options.heading),
    envoyFiles: new Map(plan.envoys.flatMap(({ name }) => filesOf(name, plan))),
  };
}

/** What an Envoy's files are made of. */
export function filesInput(plan: MeshPlan, envoy: string): EnvoyFilesInput | undefined {
  const found = plan.envoys.find(({ name }) => name === envoy);
  const sidecars = envoy === GATEWAY ? plan.services.map(({ name }) => name) : [];
  return found && { plan: found, sidecars };
}

function filesOf(envoy: string, plan: MeshPlan): [file: string, text: string][] {
  const input = filesInput(plan, envoy);
  if (input === undefined) return [];
  return Object.entries(envoyFiles(input)).map(([file, text]) => [`${envoy}/${file}`, text]);
}

/** How `meshwright up` runs a mesh, beside its file. */
export interface RunOptions {
  /** The mesh file, absolute. */
  readonly file: string;
  readonly project: string;
  /** The run's folder, absolute: a label says whose containers they are. */
  readonly directory: string;
  readonly settings: RunSettings;
  /** How many pods the mesh has when it starts. */
  readonly pods: number;
  /** Makes lean builds of the modules in the run's folder, which must be there. */
  readonly lean: LeanModules;
  readonly around?: UserProject;
}

/** The plan of `meshwright up`. Throws `MeshwrightError("write-failed")` for a lean build. */
export function planRun(mesh: Mesh, run: RunOptions): ContainerPlan {
  const { file, project, directory, settings, pods, lean, around } = run;
  const values = settingValues(directory, settings);
  return planContainers(mesh, {
    name: project,
    home: path.dirname(file),
    envoys: `./${ENVOYS_FOLDER}`,
    writtenFolder: (folder) => folder,
    moduleFile: (use) => path.basename(lean.pathOf(moduleOf(directory, use.filter), use)),
    // A person's project has an `.env` of its own.
    setting: (name) => (around === undefined ? variable(name) : literal(String(values[name]))),
    ...(around === undefined ? {} : { around }),
    envoyUser,
    pods,
    // This command starts again what ends, and nothing comes back when the engine does.
    restart: "no",
    labels: { "meshwright.mesh": mesh.name, [RUN_LABEL]: directory },
    heading: [`Written by meshwright up from ${file}.`],
  });
}
