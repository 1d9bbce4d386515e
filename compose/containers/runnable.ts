// Whether a mesh file can run in containers.

import type { Problem } from "../../envoy/problems.js";
import { composeVersions } from "../mesh/compose-checks.js";
import type { Mesh } from "../mesh/shape.js";
import { aroundProblems } from "./around/problems.js";
import type { UserProject } from "./around/user-project.js";
import { imageOf, NODE_IMAGE } from "./images.js";

/**
 * What keeps the mesh from running in containers, with its place in the file.
 * @param around the compose project whose services the mesh names
 */
export function containerProblems(mesh: Mesh, around?: UserProject): readonly Problem[] {
  return [...(around === undefined ? newAround(mesh) : aroundProblems(mesh, around)), ...ownProblems(mesh)];
}

/** A mesh that runs without a project gets none by an edit. */
function newAround(mesh: Mesh): readonly Problem[] {
  return composeVersions(mesh).map(({ service, version }) => ({
    path: ["services", service, "versions", version, "compose"],
    reason: "is the first service of compose in this mesh: start the mesh again",
  }));
}

function ownProblems(mesh: Mesh): readonly Problem[] {
  return Object.entries(mesh.services).flatMap(([service, { versions }]) => [
    ...Object.entries(versions).flatMap(([version, how]) => {
      if (!("command" in how) || imageOf(how, NODE_IMAGE) !== undefined) return [];
      const reason = "has no image to run in: say one by image: NAME, or start with --engine process";
      return [{ path: ["services", service, "versions", version], reason }];
    }),
    ...(service === "localhost"
      ? [{ path: ["services", service], reason: "is the name of every container itself; choose another" }]
      : []),
  ]);
}
