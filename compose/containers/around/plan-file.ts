// A mesh around a compose project as files that Docker alone can run: an override of the project,
// and the folder with the Envoys' files.

import path from "node:path";
import { officialImage } from "../../../envoy/runtime/image.js";
import { defaultEnvoyVersion } from "../../../envoy/runtime/releases.js";
import { DEFAULT_GATEWAY_PORT } from "../../mesh/addresses.js";
import { plainMesh } from "../../mesh/identity.js";
import type { Mesh } from "../../mesh/shape.js";
import { NODE_IMAGE } from "../images.js";
import { type ContainerPlan, planContainers } from "../plan.js";
import type { SettingName } from "../project.js";
import { aroundNotes } from "./problems.js";
import { REDIRECT_IMAGE } from "./redirect-image.js";
import { envoyUserId } from "./user-id.js";
import type { UserProject } from "./user-project.js";

export interface AroundFileOptions {
  /** The folder of the mesh file and of the override, absolute. */
  readonly folder: string;
  /** The folder of all Envoys' folders, as the override writes it: `./…`. */
  readonly envoys: string;
  /** The folder of the filters' modules, as the override writes it: `./…`. */
  readonly modules: string;
  /** A comment at the top of the override. */
  readonly heading: readonly string[];
}

export interface AroundPlan extends ContainerPlan {
  /** What the mesh does other than compose alone would, as lines for a person. */
  readonly notes: readonly string[];
}

/**
 * Plans the files. The same mesh, project and options give the same plan. The caller has refused
 * what `aroundProblems` finds.
 */
export function planAround(mesh: Mesh, project: UserProject, options: AroundFileOptions): AroundPlan {
  const { folder, envoys, modules, heading } = options;
  const values: Readonly<Record<SettingName, string | number>> = {
    ENVOY_IMAGE: officialImage(defaultEnvoyVersion),
    NODE_IMAGE,
    REDIRECT_IMAGE,
    GATEWAY_ADDRESS: mesh.gateway.address ?? "127.0.0.1",
    GATEWAY_PORT: mesh.gateway.port ?? DEFAULT_GATEWAY_PORT,
    STATUS_PORT: 9901,
    MODULES: modules,
    ENVOY_USER: "101:101",
    APP_USER: "1000:1000",
    ENVOY_MEMORY: "256m",
    ENVOY_CPUS: "1.0",
    APP_MEMORY: "1g",
    APP_CPUS: "2.0",
  };
  // Nobody issues certificates where Docker runs alone.
  const plan = planContainers(plainMesh(mesh), {
    name: project.name,
    around: project,
    home: folder,
    envoys,
    writtenFolder: (each) => `./${path.relative(folder, each)}`,
    // A variable of the shell, or of the project's own `.env`, may say otherwise.
    setting: (name) => `\${${variableOf(name)}:-${values[name]}}`,
    envoyUser: envoyUserId,
    restart: "unless-stopped",
    labels: { "meshwright.mesh": mesh.name },
    heading,
  });
  return { ...plan, notes: aroundNotes(mesh, project) };
}

/** The project's own `.env` may have a `GATEWAY_PORT` that means something else. */
function variableOf(name: SettingName): string {
  return name.endsWith("_IMAGE") ? name : `MESHWRIGHT_${name}`;
}
