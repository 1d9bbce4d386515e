// Inspects a file that may be anything.

import { readFile, stat } from "node:fs/promises";
import { MalformedModule } from "./byte-reader.js";
import { inspectModule, type ModuleReport } from "./inspect.js";

/**
 * The outcome: a report where the file is a module, and the reasons why stock Envoy would refuse
 * the file.
 */
export interface InspectedFile {
  readonly file: string;
  readonly report: ModuleReport | null;
  readonly refusals: readonly string[];
}

/** More than any filter needs: Envoy compiles a module when each worker starts. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Reads and inspects one file. Never throws: what is wrong with the file is among the refusals. */
export async function inspectFile(file: string): Promise<InspectedFile> {
  try {
    const bytes = await readRegularFile(file);
    if (typeof bytes === "string") return { file, report: null, refusals: [bytes] };
    const report = inspectModule(bytes);
    return { file, report, refusals: report.refusals };
  } catch (error) {
    if (error instanceof MalformedModule) return { file, report: null, refusals: [`it ${error.message}`] };
    return { file, report: null, refusals: [`it cannot be read: ${describe(error)}`] };
  }
}

/** The file's bytes, or the reason why they are not read: a device or a pipe might never end. */
async function readRegularFile(file: string): Promise<Uint8Array | string> {
  const stats = await stat(file);
  if (stats.isDirectory()) return "it is a folder";
  if (!stats.isFile()) return "it is not a regular file";
  if (stats.size > MAX_BYTES) return `it has ${stats.size.toLocaleString("en")} bytes, more than any module`;
  return readFile(file);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  return code === "EACCES" ? "it may not be read by this user" : error.message;
}
