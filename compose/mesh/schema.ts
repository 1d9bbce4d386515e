// The schema of a whole mesh file: its shape, and the rules that span several places.

import type { FilterDescriptor } from "../../filters/descriptor.js";
import { jsonSchemaOf } from "../../filters/shared/json-schema.js";
import { checkMesh } from "./checks.js";
import { meshShape } from "./shape.js";

/** @param filters the filters that the file may name */
export function meshSchema(filters: readonly FilterDescriptor[]) {
  return meshShape(filters)
    .superRefine((mesh, context) => {
      for (const problem of checkMesh(mesh)) {
        context.addIssue({ code: "custom", path: [...problem.path], message: problem.reason });
      }
    })
    .describe("A mesh: services, and the stock Envoys and filters around them.");
}

/**
 * The JSON Schema by which an editor checks and completes a mesh file.
 * @param filters the filters that the file may name
 */
export function meshJsonSchema(filters: readonly FilterDescriptor[]): Readonly<Record<string, unknown>> {
  return { title: "meshwright mesh file", ...jsonSchemaOf(meshSchema(filters)) };
}
