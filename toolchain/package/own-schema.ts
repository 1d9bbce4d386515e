// Reads the schema of an author's filter: the export of the `schema.ts` beside its entry file whose
// name ends in `Schema`.

import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { MeshwrightError } from "../../envoy/errors.js";
import { runSource } from "./run-source.js";

/** The schema of a filter that has none: any value. */
const ANYTHING = z.union([
  z.record(z.string(), z.unknown()),
  z.array(z.unknown()),
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
]);

/**
 * Reads the schema from the file in its current form. Without a file, any configuration is valid.
 * @param folder the filter's folder
 * @throws MeshwrightError `build` where the file cannot be run, or exports no schema of zod 4
 */
export async function ownSchema(folder: string): Promise<z.ZodType> {
  const file = path.join(folder, "schema.ts");
  if (!existsSync(file)) return ANYTHING;
  for (const [key, value] of Object.entries(await runSource(file))) {
    if (key.endsWith("Schema") && isSchema(value)) return value;
  }
  throw new MeshwrightError("build", `${file} exports no schema of zod 4 under a name that ends in Schema`);
}

/** An author's zod may be another copy than ours, so its schemas may have another class. */
export function isSchema(value: unknown): value is z.ZodType {
  return typeof value === "object" && value !== null && "_zod" in value && "safeParse" in value;
}
