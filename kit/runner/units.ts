// Runs AssemblyScript units with as-pect.

import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { LineSplitter } from "../../envoy/runtime/log-lines.js";
import { type Aspect, findAspect } from "./author-tools.js";
import { addCounts, type Counts, NO_TESTS } from "./counts.js";

export interface UnitOptions {
  /** The package that has the specs, as an absolute path. */
  readonly root: string;
  /** Called with each line that as-pect writes. */
  readonly onLine: (line: string) => void;
  /** Ends the run. Its counts then mean nothing. */
  readonly signal?: AbortSignal;
  /**
   * Compiles many specs as one module, which takes a fraction of the time. They then share the
   * module's globals, and one line reports them all. When something fails, each is run again alone,
   * so that the lines say which. Default: each is a module of its own.
   */
  readonly together?: boolean;
}

/** Up to this number, specs compile sooner than another as-pect starts. */
const SPECS_WORTH_A_PROCESS = 6;

/**
 * Compiles and runs the specs, absolute paths. A spec that does not compile counts as failed. Many
 * specs are divided among as many processes as there are cores. Throws
 * `MeshwrightError("tool-missing")` without as-pect.
 */
export async function runUnits(specs: readonly string[], options: UnitOptions): Promise<Counts> {
  if (specs.length === 0) return NO_TESTS;
  const { root } = options;
  const aspect = findAspect(root);
  const folder = await mkdtemp(path.join(tmpdir(), "meshwright-units-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // A key press in vitest ends the process at once, without waiting for anything.
  process.once("exit", remove);
  try {
    const config = path.relative(root, path.join(PACKAGE_ROOT, "as-pect.config.js"));
    // The `asp` command would force colour, and may end before its output is read.
    const args = [aspect.program, "--config", config, "--as-config", await writeConfig(folder, aspect)];
    const counts = await Promise.all(
      shares(specs).map(async (share, i) => {
        if (options.together === true && share.length > 1) {
          const counts = await runTogether(args, path.join(folder, `units-${i}.spec.ts`), share, options);
          if (counts.failed === 0) return counts;
        }
        const files = share.map((file) => path.relative(root, file));
        return runShare([...args, ...files], options);
      }),
    );
    return counts.reduce(addCounts, NO_TESTS);
  } finally {
    process.off("exit", remove);
    remove();
  }
}

/** Neighbours, which take about the same time, go to different processes. */
function shares(specs: readonly string[]): readonly (readonly string[])[] {
  const most = Math.ceil(specs.length / SPECS_WORTH_A_PROCESS);
  const processes = Math.min(availableParallelism(), most);
  return Array.from({ length: processes }, (_, i) => specs.filter((_, n) => n % processes === i));
}

/** Runs the specs as one module, whose entry is written into `entry`, and reports only success. */
async function runTogether(
  args: readonly string[],
  entry: string,
  specs: readonly string[],
  options: UnitOptions,
): Promise<Counts> {
  const imports = specs.map((spec) => path.relative(path.dirname(entry), spec).replace(/\.ts$/, ""));
  await writeFile(entry, imports.map((file) => `import "${file}";\n`).join(""));
  const file = path.relative(options.root, entry);
  const counts = await runShare([...args, file], { ...options, onLine: () => {} });
  if (counts.failed === 0) options.onLine(`✔ ${specs.length} specs Pass: ${counts.passed}`);
  return counts;
}

async function runShare(args: readonly string[], options: UnitOptions): Promise<Counts> {
  const { code, summary } = await run(args, options);
  const [, passed, all] = /\[Tests\]: (\d+) \/ (\d+)/.exec(summary) ?? [];
  const failed = Number(all ?? 0) - Number(passed ?? 0);
  return { passed: Number(passed ?? 0), failed: Math.max(failed, code === 0 ? 0 : 1), skipped: 0 };
}

/** The compiler's options for specs, with the parts of as-pect that the tested package has. */
async function writeConfig(folder: string, { assembly, transform }: Aspect): Promise<string> {
  const base = JSON.parse(await readFile(path.join(PACKAGE_ROOT, "as-pect.asconfig.json"), "utf8"));
  const targets = { noCoverage: { transform: [transform] } };
  const file = path.join(folder, "asconfig.json");
  await writeFile(file, JSON.stringify({ ...base, targets, entries: [assembly] }));
  return file;
}

/**
 * Runs as-pect and reports the specs' lines, without the large letters and versions before them and
 * the summary after them.
 */
async function run(
  args: readonly string[],
  { root, onLine, signal }: UnitOptions,
): Promise<{ code: number | null; summary: string }> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, FORCE_COLOR: "0" },
    ...(signal === undefined ? {} : { signal }),
  });
  const end = () => void child.kill();
  process.once("exit", end);
  let part: "banner" | "specs" | "summary" = "banner";
  let summary = "";
  const lines = new LineSplitter((line) => {
    if (line.trim() === "[Summary]") part = "summary";
    if (part === "summary") summary += `${line}\n`;
    if (part === "specs" && line.trim() !== "") onLine(line);
    if (line.startsWith("ASC Version")) part = "specs";
  });
  child.stdout.on("data", (chunk: Buffer) => lines.write(chunk));
  const errors = new LineSplitter(onLine);
  child.stderr.on("data", (chunk: Buffer) => errors.write(chunk));
  // An abort raises this error, and "close" follows.
  child.on("error", () => {});
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  lines.end();
  errors.end();
  process.off("exit", end);
  return { code, summary };
}
