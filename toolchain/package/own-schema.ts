// The schema of an author's filter: what the `schema.ts` beside its entry file exports under a name
// that ends in `Schema`.

import { existsSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { tsImport } from "tsx/esm/api";
import { z } from "zod";
import { MeshwrightError } from "../../envoy/errors.js";

/** What a filter without a schema may be given. */
const ANYTHING = z.union([
  z.record(z.string(), z.unknown()),
  z.array(z.unknown()),
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
]);

/**
 * Reads the schema as it stands in the file now; without a file, anything is right.
 * @param folder the filter's
 * @throws MeshwrightError `build` where the file cannot be run, or exports no schema of zod 4
 */
export async function ownSchema(folder: string): Promise<z.ZodType> {
  const file = path.join(folder, "schema.ts");
  if (!existsSync(file)) return ANYTHING;
  const found = Object.entries(await load(file)).find(
    ([key, value]) => key.endsWith("Schema") && isSchema(value),
  );
  if (found !== undefined) return found[1] as z.ZodType;
  throw new MeshwrightError("build", `${file} exports no schema of zod 4 under a name that ends in Schema`);
}

async function load(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await tsImport(pathToFileURL(file).href, { parentURL: import.meta.url, tsconfig: false });
  } catch (error) {
    const [reason = "", ...details] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new MeshwrightError("build", `${file} cannot be read: ${reason}`, details, { cause: error });
  }
}

/** An author's zod may be another copy than ours, so that its schemas are of another class. */
function isSchema(value: unknown): boolean {
  return typeof value === "object" && value !== null && "_zod" in value && "safeParse" in value;
}
