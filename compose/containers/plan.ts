// Plans a mesh of containers: a compose project, and the folder with the files of its Envoys. Pure.

import path from "node:path";
import { GATEWAY } from "../mesh/names.js";
import { type MeshPlan, planMesh } from "../mesh/plan.js";
import type { Mesh } from "../mesh/shape.js";
import { composeYaml } from "./compose-yaml.js";
import { type EnvoyFilesInput, envoyFiles } from "./envoy-files.js";
import { containerPlaces, containerPorts } from "./places.js";
import { type ComposeProject, composeProject, MODULES_FOLDER, type ProjectOptions } from "./project.js";
import { ENVOYS_FOLDER, moduleFile } from "./run-places.js";

export interface ContainerPlanOptions extends Omit<ProjectOptions, "modules"> {
  /** The mesh file's folder, absolute. */
  readonly home: string;
  /** The names of the modules' files, by the filters' names. */
  readonly moduleFile: (filter: string) => string;
  /** A comment at the top of the compose file. */
  readonly heading: readonly string[];
}

export interface ContainerPlan {
  readonly mesh: MeshPlan;
  readonly project: ComposeProject;
  readonly composeFile: string;
  /** The contents of the Envoys' files, by their paths below the folder of all Envoys. */
  readonly envoyFiles: ReadonlyMap<string, string>;
}

/** The same mesh and options give the same plan. */
export function planContainers(mesh: Mesh, options: ContainerPlanOptions): ContainerPlan {
  const plan = planMesh(mesh, {
    directory: "/",
    home: options.home,
    ports: containerPorts(mesh),
    modulePath: (filter) => path.posix.join(MODULES_FOLDER, options.moduleFile(filter)),
    places: containerPlaces(mesh),
    // The authorities of Envoy's image.
    caFile: "/etc/ssl/certs/ca-certificates.crt",
  });
  const modules = [
    ...new Set(plan.envoys.flatMap(({ filters }) => filters.flatMap(({ module = [] }) => module))),
  ];
  const project = composeProject(mesh, plan.services, { ...options, modules: modules.sort() });
  return {
    mesh: plan,
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

/** The plan of `meshwright up`. @param file the mesh file, absolute */
export function planRun(mesh: Mesh, file: string, project: string): ContainerPlan {
  return planContainers(mesh, {
    name: project,
    home: path.dirname(file),
    envoys: `./${ENVOYS_FOLDER}`,
    writtenFolder: (folder) => folder,
    moduleFile,
    // This command starts again what ends, and nothing comes back when the engine does.
    restart: "no",
    labels: { "meshwright.mesh": mesh.name },
    heading: [`Written by meshwright up from ${file}.`],
  });
}
