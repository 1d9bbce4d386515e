// Which files make up a compose project: those that are named, or those of COMPOSE_FILE, or
// compose.yaml and its override in this folder or the nearest one above.

import { existsSync } from "node:fs";
import path from "node:path";
import { lookupIn, readVariables, type Variables } from "./environment.js";
import { refused } from "./problem.js";

const NAMES = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES = [
  "compose.override.yml",
  "compose.override.yaml",
  "docker-compose.override.yml",
  "docker-compose.override.yaml",
];

/** Files of a project, in the order in which later ones change earlier ones. */
export interface ProjectFiles {
  readonly files: readonly string[];
  /** The folder from which the project's paths go: that of the first file. */
  readonly folder: string;
  /** The variables of the shell, and below them those of `.env`. */
  readonly variables: Variables;
  /** Whether compose finds these files without being told. */
  readonly isDefault: boolean;
}

/**
 * @param folder where a person stands
 * @param named the files that a person names, from that folder
 * @throws MeshwrightError `configuration` where there is none
 */
export async function findFiles(
  folder: string,
  { named = [], env = process.env }: { readonly named?: readonly string[]; readonly env?: Variables } = {},
): Promise<ProjectFiles> {
  const here = await withDotenv(folder, folder, env);
  const files = named.length > 0 ? named : (fromVariable(here) ?? found(folder));
  const [first] = files;
  if (first === undefined) {
    throw refused(
      "",
      `there is no compose file here or above (${NAMES.join(", ")}): go to its folder, or name it with --file`,
    );
  }
  const paths = files.map((file) => path.resolve(folder, file));
  const own = path.dirname(path.resolve(folder, first));
  const variables = own === path.resolve(folder) ? here : await withDotenv(own, folder, here);
  return { files: paths, folder: own, variables, isDefault: named.length === 0 };
}

/** The variables with those of the folder's `.env` below them. */
async function withDotenv(folder: string, from: string, env: Variables): Promise<Variables> {
  if (/^(1|t|true)$/i.test(env.COMPOSE_DISABLE_ENV_FILE ?? "")) return env;
  const named = (env.COMPOSE_ENV_FILES ?? "").split(",").filter((name) => name !== "");
  let variables = env;
  for (const name of named.length === 0 ? [path.join(folder, ".env")] : named) {
    const file = path.resolve(from, name);
    const options = {
      lookup: lookupIn(variables),
      isOptional: named.length === 0,
      shown: path.relative(from, file),
    };
    variables = { ...(await readVariables(file, options)), ...variables };
  }
  return variables;
}

function fromVariable(variables: Variables): readonly string[] | undefined {
  const { COMPOSE_FILE: list = "", COMPOSE_PATH_SEPARATOR: separator = path.delimiter } = variables;
  return list === "" ? undefined : list.split(separator || path.delimiter).filter((file) => file !== "");
}

function found(folder: string): readonly string[] {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const in_ = (names: readonly string[]) => names.map((name) => path.join(at, name)).filter(existsSync);
    const [file] = in_(NAMES);
    if (file !== undefined) return [file, ...in_(OVERRIDES).slice(0, 1)];
    if (at === path.dirname(at)) return [];
  }
}
