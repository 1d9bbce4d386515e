// The variables of a compose project: those of the shell, and those of files.

import { readFile } from "node:fs/promises";
import { DotenvError, type DotenvOptions, parseDotenv } from "./dotenv.js";
import type { Lookup } from "./interpolate.js";
import { refused } from "./problem.js";

export type Variables = Readonly<Record<string, string | undefined>>;

export function lookupIn(variables: Variables): Lookup {
  return (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined);
}

interface FileOptions extends DotenvOptions {
  /** Whether nothing is said where the file is not there. */
  readonly isOptional?: boolean;
  /** The file as messages name it. */
  readonly shown: string;
}

/**
 * The variables of a file, after the earlier ones.
 * @throws MeshwrightError `configuration`
 */
export async function readVariables(
  file: string,
  { isOptional = false, shown, ...options }: FileOptions,
): Promise<Readonly<Record<string, string>>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (isOptional && (code === "ENOENT" || code === "EISDIR" || code === "EACCES"))
      return options.earlier ?? {};
    if (code === "ENOENT") throw refused(shown, "there is no such file; make it, or write required: false");
    throw refused(shown, `cannot be read (${code})`);
  }
  try {
    return Object.fromEntries(parseDotenv(text, options));
  } catch (error) {
    if (error instanceof DotenvError) throw refused(`${shown}:${error.line}`, error.message);
    throw error;
  }
}
