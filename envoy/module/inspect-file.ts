// Inspects a file that may be anything.

import { readFile, stat } from "node:fs/promises";
import { MalformedModule } from "./byte-reader.js";
import { trapsCertainly } from "./call-graph.js";
import { dryStart, EarlyHostCall, isTimeout } from "./dry-start.js";
import { type ModuleReport, reportOf } from "./inspect.js";
import type { WasmModule } from "./parts.js";
import { readModule } from "./read.js";
import { startFunctions } from "./start.js";
import { validate, validateElsewhere } from "./validity.js";

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
    const report = await inspectWhole(bytes);
    return { file, report, refusals: report.refusals };
  } catch (error) {
    if (error instanceof MalformedModule) return { file, report: null, refusals: [`it ${error.message}`] };
    return { file, report: null, refusals: [`it cannot be read: ${describe(error)}`] };
  }
}

/** Judges also what only a later Node knows, and how the start ends. */
async function inspectWhole(bytes: Uint8Array): Promise<ModuleReport> {
  const module = readModule(bytes);
  const unknown = validate(module);
  if (unknown.size > 0) await validateElsewhere(bytes, unknown);
  const report = reportOf(module);
  if (report.refusals.length > 0) return report;
  return { ...report, refusals: startRefusals(module) };
}

/** A start that is found to end badly; none where it also depends on what only Envoy knows. */
function startRefusals(module: WasmModule): readonly string[] {
  const run = dryStart(module);
  // This Node lacks a feature that the module uses.
  if (run === undefined) {
    const traps = [...startFunctions(module)].filter(([, fn]) => trapsCertainly(module, fn));
    return traps.map(([name]) => `its start traps: ${name} reaches unreachable`);
  }
  const { error, log, isExact } = run;
  if (error === undefined || !isExact) return [];
  if (error instanceof EarlyHostCall)
    return [`its start ${error.message}, which traps before a plugin exists`];
  if (isTimeout(error)) return ["its start did not end, and Envoy would wait for it for ever"];
  return [`its start traps: ${log.at(-1)?.trim() || error.message}`];
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
