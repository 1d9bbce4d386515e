// Counts the instructions that Envoy's worker runs for a request, under Valgrind. Unlike time, they
// are the same from run to run, whatever else the machine does; like time, they grow with the work.

import { execFile } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { MeshwrightError } from "../../envoy/errors.js";
import { type BedOptions, startBed } from "./bed.js";
import type { Measured } from "./measure.js";

const run = promisify(execFile);

/** Batches of each connection until the compiler of V8 has done its last pass. */
const WARM_UP_BATCHES = 12;
const BATCHES = 5;
/**
 * Valgrind has 128 GiB of addresses, of which V8 takes ten for each module of each thread. Where
 * they do not suffice, a worker goes on without the filter.
 */
const VARIANTS_OF_AN_ENVOY = 4;
/** Valgrind makes Envoy some fifty times slower. */
const READY_TIMEOUT_MS = 300_000;
const BATCHES_TIMEOUT_MS = 120_000;

export interface CountOptions extends BedOptions {
  readonly onVariant?: (name: string) => void;
}

/**
 * Instructions per request of each variant: one figure, since another would be the same within a
 * fraction of a per cent.
 * @throws MeshwrightError `usage` without Valgrind
 */
export async function countInstructions(options: CountOptions): Promise<readonly Measured[]> {
  const { binary, variants, directory } = options;
  const path = await underValgrind(binary.path, directory);
  const measured: Measured[] = [];
  for (let from = 0; from < variants.length; from += VARIANTS_OF_AN_ENVOY) {
    const some = variants.slice(from, from + VARIANTS_OF_AN_ENVOY);
    measured.push(...(await countSome({ ...options, binary: { ...binary, path }, variants: some })));
  }
  return measured;
}

async function countSome(options: CountOptions): Promise<readonly Measured[]> {
  const { variants, directory } = options;
  await using bed = await startBed({ ...options, readyTimeoutMs: READY_TIMEOUT_MS });
  const measured: Measured[] = [];
  for (const [i, { name, over }] of variants.entries()) {
    options.onVariant?.(name);
    const load = (batches: number) => bed.load(i, { forMs: BATCHES_TIMEOUT_MS, batches });
    await load(WARM_UP_BATCHES);
    await control(bed.pid, "--zero");
    const { responses } = await load(BATCHES);
    await control(bed.pid, "--dump");
    const perRequest = [(await takeBusiestThread(directory)) / responses];
    measured.push({ name, ...(over === undefined ? {} : { over }), perRequest });
  }
  return measured;
}

/** A program that runs Envoy under Valgrind, which writes its counts into the directory. */
async function underValgrind(envoy: string, directory: string): Promise<string> {
  await run("valgrind", ["--version"]).catch((cause) => {
    throw new MeshwrightError(
      "usage",
      "--instructions needs Valgrind: install your system's package of this name",
      [],
      { cause },
    );
  });
  const path = join(directory, "envoy-under-valgrind");
  const options = [
    "--tool=callgrind",
    // V8 writes the code that it runs.
    "--smc-check=all-non-file",
    "--separate-threads=yes",
    "--cache-sim=no",
    `--callgrind-out-file='${join(directory, OUTPUT)}'`,
  ];
  const script = `#!/bin/sh\nexec valgrind ${options.join(" ")} '${envoy}' "$@"\n`;
  await writeFile(path, script, { mode: 0o755 });
  return path;
}

const OUTPUT = "callgrind.out";

async function control(pid: number, order: "--zero" | "--dump"): Promise<void> {
  await run("callgrind_control", [order, String(pid)]);
}

/** The instructions of the thread that ran most of them, from the dump, which is removed. */
async function takeBusiestThread(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.startsWith(`${OUTPUT}.`));
  const counts = names.map(async (name) => {
    const text = await readFile(join(directory, name), "utf8");
    await rm(join(directory, name));
    const [, count = "0"] = /^(?:totals|summary): (\d+)/m.exec(text) ?? [];
    return Number(count);
  });
  return Math.max(...(await Promise.all(counts)));
}
