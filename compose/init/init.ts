// `meshwright init`: writes the mesh file of a compose project, or what is new for the one that
// is there. It changes no file that a person wrote, unless they ask for it.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { writeAtomically } from "../../envoy/runtime/atomic-file.js";
import { unifiedDiff } from "../../render/diff/unified.js";
import { readMesh } from "../mesh/file.js";
import type { ComposeProject } from "../project/model.js";
import { readProject } from "../project/read.js";
import type { FoundMesh } from "./facts.js";
import type { AskedRoute } from "./gateway.js";
import { inferMesh } from "./infer.js";
import { meshYaml } from "./mesh-yaml.js";
import { refuseOwnOverride, writeOverride } from "./override.js";
import { updatedMesh } from "./update.js";

export const MESH_FILE = "mesh.yaml";

/**
 * What happens to a mesh file that is there: nothing, or it gets what is new, or it is replaced.
 */
export type Existing = "keep" | "update" | "replace";

export interface InitOptions {
  /** Where the mesh file goes, and where compose looks for its files. */
  readonly folder: string;
  /** The compose files; default: those that compose finds. */
  readonly files?: readonly string[];
  readonly profiles?: readonly string[];
  readonly routes?: readonly AskedRoute[];
  readonly existing?: Existing;
  /** Write nothing. */
  readonly isDry?: boolean;
}

export interface Initialized {
  readonly project: ComposeProject;
  readonly found: FoundMesh;
  /** The text of the mesh file, as it is or would be. */
  readonly text: string;
  /**
   * What happened to the mesh file, or would: it is new, it has everything, it differs and was
   * kept, or it got what was new, or it was replaced.
   */
  readonly outcome: "written" | "same" | "kept" | "updated" | "replaced";
  /** From the file that was there to the new text; empty where nothing differs. */
  readonly diff: string;
  /** Services of compose that the mesh file names and the project does not have. */
  readonly gone: readonly string[];
}

/**
 * @throws MeshwrightError `configuration` for compose files or a mesh file that cannot be used,
 * `usage` for a wrong route, `write-failed`
 */
export async function initMesh(options: InitOptions): Promise<Initialized> {
  const { folder, existing = "keep", isDry = false } = options;
  const project = await readProject(options);
  const found = inferMesh(project, options.routes);
  const from = project.files.map((file) => path.relative(folder, file));
  const fresh = meshYaml(found, from);
  const file = path.join(folder, MESH_FILE);
  const before = await textOf(file);
  const planned = await plan(before, file, fresh, found, existing);
  if (!isDry && planned.outcome !== "kept") {
    if (existing !== "replace") await refuseOwnOverride(folder);
    if (planned.outcome !== "same") await writeAtomically(file, planned.text);
    await writeOverride(project, file);
  }
  return { project, found, ...planned };
}

/** What becomes of the mesh file. */
async function plan(
  before: string | undefined,
  file: string,
  fresh: string,
  found: FoundMesh,
  existing: Existing,
): Promise<Omit<Initialized, "project" | "found">> {
  if (before === undefined) return { text: fresh, outcome: "written", diff: "", gone: [] };
  if (existing === "replace") {
    return { text: fresh, outcome: "replaced", diff: diff(before, fresh), gone: [] };
  }
  const { text, gone } = updatedMesh(before, await readMesh(file), found);
  if (text === before) return { text, outcome: "same", diff: "", gone };
  return { text, outcome: existing === "update" ? "updated" : "kept", diff: diff(before, text), gone };
}

function diff(before: string, after: string): string {
  return unifiedDiff(MESH_FILE, `${MESH_FILE} with what is new`, before, after);
}

/** Undefined where there is no such file. */
async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new MeshwrightError("write-failed", `${file} cannot be read (${code}): move it away, or mend it`);
  }
}
