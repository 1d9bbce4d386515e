// The images of a mesh in containers.

import path from "node:path";
import type { MeshVersion } from "../mesh/shape.js";
import { variable } from "./interpolation.js";

/** The official image for services of Node, pinned. */
export const NODE_VERSION = "20.20.2";
export const NODE_IMAGE = `node:${NODE_VERSION}-slim`;

const NODE_PROGRAMS = new Set(["node", "npm", "npx"]);

/**
 * The image in which a version's command runs, as a compose file writes it: the one that the mesh
 * file names, or that of Node for a command of Node; undefined where nothing says one.
 */
export function imageOf(how: MeshVersion): string | undefined {
  if (!("command" in how)) return undefined;
  const [program = ""] = typeof how.command === "string" ? how.command.trim().split(/\s+/) : how.command;
  if (how.image !== undefined) return how.image;
  return NODE_PROGRAMS.has(path.basename(program)) ? variable("NODE_IMAGE") : undefined;
}
