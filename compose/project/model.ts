// A compose project as `docker compose config --format json` prints it.

import type { ProjectPort } from "./ports.js";

/** The parts of a service that are used here. */
export interface ProjectService {
  readonly image?: string;
  readonly build?: ProjectBuild;
  readonly command?: readonly string[] | null;
  readonly entrypoint?: readonly string[] | null;
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly ports?: readonly ProjectPort[];
  readonly expose?: readonly string[];
  /** By the network's name; null where nothing is said of it. */
  readonly networks?: Readonly<Record<string, { readonly aliases?: readonly string[] } | null>>;
  readonly network_mode?: string;
  /** `SERVICE` or `SERVICE:ALIAS`. */
  readonly links?: readonly string[];
  readonly depends_on?: Readonly<Record<string, ProjectDependency>>;
  readonly profiles?: readonly string[];
  readonly container_name?: string;
  readonly hostname?: string;
  readonly healthcheck?: { readonly test?: string | readonly string[] };
  readonly platform?: string;
  readonly isolation?: string;
  readonly privileged?: boolean;
  readonly scale?: number;
  /** A program beside the engine provides it. */
  readonly provider?: unknown;
  readonly deploy?: { readonly mode?: string; readonly replicas?: number };
}

export interface ProjectBuild {
  /** A whole path, or where the sources are elsewhere. */
  readonly context: string;
  readonly dockerfile?: string;
  readonly dockerfile_inline?: string;
  readonly target?: string;
}

export interface ProjectDependency {
  readonly condition: string;
  readonly required: boolean;
  readonly restart?: boolean;
}

export interface ProjectModel {
  readonly name: string;
  readonly services: Readonly<Record<string, ProjectService>>;
}

/** A compose project that was read. */
export interface ComposeProject {
  readonly model: ProjectModel;
  /** Services that only a profile starts, which is not asked for, with their profiles. */
  readonly inactive: Readonly<Record<string, readonly string[]>>;
  /** The project's files, with those that they include and extend. */
  readonly files: readonly string[];
  /** Those that are given to compose, or that it finds. */
  readonly main: readonly string[];
  /** Those that a person names to compose; none where compose finds them. */
  readonly named: readonly string[];
  /** From which the project's paths go. */
  readonly folder: string;
  /** Where the person stands, from which places name files. */
  readonly here: string;
  /** Which program has read it. */
  readonly readBy: "compose" | "meshwright";
  /** `file:line:column` of a part of the model, or of the nearest part around it. */
  readonly placeOf: (path: readonly PropertyKey[]) => string;
}
