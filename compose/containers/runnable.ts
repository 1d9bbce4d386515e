// Whether a mesh file can run in containers.

import { MeshwrightError } from "../../envoy/errors.js";
import { formatProblem, type Problem } from "../../envoy/problems.js";
import type { Mesh } from "../mesh/shape.js";
import { imageOf } from "./images.js";

/** What keeps the mesh from running in containers, with its place in the file. */
export function containerProblems(mesh: Mesh): readonly Problem[] {
  return Object.entries(mesh.services).flatMap(([service, { versions }]) => [
    ...Object.entries(versions).flatMap(([version, how]) => {
      if (!("command" in how) || imageOf(how) !== undefined) return [];
      const reason = "has no image to run in: say one by image: NAME, or start with --engine process";
      return [{ path: ["services", service, "versions", version], reason }];
    }),
    ...(service === "localhost"
      ? [{ path: ["services", service], reason: "is the name of every container itself; choose another" }]
      : []),
  ]);
}

/** @throws MeshwrightError `configuration` with the problems */
export function checkRunnable(mesh: Mesh, file: string): void {
  const [first, ...rest] = containerProblems(mesh).map((problem) => `${file}: ${formatProblem(problem)}`);
  if (first === undefined) return;
  throw new MeshwrightError("configuration", `mesh file refused: ${first}`, rest);
}
