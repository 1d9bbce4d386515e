// Reads a person's compose project by compose itself.

import path from "node:path";
import { MeshwrightError } from "../../../envoy/errors.js";
import { lastLines } from "../../../envoy/runtime/envoy-log.js";
import { composeVersions } from "../../mesh/compose-checks.js";
import type { Mesh } from "../../mesh/shape.js";
import { docker } from "../engine.js";
import type { UserProject } from "./user-project.js";

const READ_MS = 60_000;
const DETAIL_LINES = 12;

export interface ReadProject {
  readonly project: UserProject;
  /** What compose printed: the project as one file. */
  readonly text: string;
}

/**
 * Reads the project beside a mesh file. A service that the mesh names is read even where its
 * profile is not active.
 * @param folder of the mesh file, absolute
 * @throws MeshwrightError `configuration` with what compose says of its files
 */
export async function readUserProject(mesh: Mesh, folder: string): Promise<ReadProject> {
  const files = (mesh.compose ?? []).map((file) => path.resolve(folder, file));
  const read = (profiles: readonly string[]) => config(folder, files, profiles);
  const first = await read([]);
  const isMissing = ({ compose }: { readonly compose: string }) =>
    !Object.hasOwn(first.project.services, compose);
  const missing = composeVersions(mesh).filter(isMissing);
  if (missing.length === 0) return first;
  const { services } = (await read(["*"])).project;
  const profiles = missing.flatMap(({ compose }) =>
    Object.hasOwn(services, compose) ? (services[compose]?.profiles ?? []).slice(0, 1) : [],
  );
  return profiles.length === 0 ? first : read([...activeProfiles(), ...profiles]);
}

/** Options would replace the profiles of the environment. */
function activeProfiles(): readonly string[] {
  return (process.env.COMPOSE_PROFILES ?? "").split(",").filter((each) => each !== "");
}

async function config(
  folder: string,
  files: readonly string[],
  profiles: readonly string[],
): Promise<ReadProject> {
  const args = [
    "compose",
    ...files.flatMap((file) => ["--file", file]),
    ...profiles.flatMap((profile) => ["--profile", profile]),
    ...["config", "--format", "json"],
  ];
  const result = await docker(args, process.env, READ_MS, folder);
  if (result.outcome === "failed") {
    const lines = lastLines(result.output, DETAIL_LINES);
    const reason = lines.at(-1)?.trim() ?? result.reason;
    throw new MeshwrightError("configuration", `compose refuses the project in ${folder}: ${reason}`, lines);
  }
  // Compose may warn before and after it.
  const text = result.output.slice(result.output.indexOf("{"), result.output.lastIndexOf("\n}") + 2);
  return { project: JSON.parse(text) as UserProject, text };
}
