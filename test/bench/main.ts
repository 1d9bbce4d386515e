// `npm run bench`: what a filter costs in stock Envoy.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { findEnvoy } from "../../envoy/runtime/find.js";
import { buildFilters } from "../../filters/build.js";
import { FILTERS } from "../../filters/catalog.js";
import { measure } from "./measure.js";
import { renderPage, renderTable } from "./report.js";
import { summarise } from "./summary.js";
import { benchVariants, NO_FILTER, YARDSTICK } from "./variants.js";

interface BenchOptions {
  readonly rounds: string;
  readonly roundMs: string;
  readonly json?: string;
  readonly html?: string;
}

const EXAMPLES = `
Examples:
  npm run bench
  npm run bench -- --rounds 40 --json bench.json --html bench.html`;

const program = new Command("npm run bench --")
  .description("Measure the CPU time that each filter costs per request in stock Envoy.")
  .option("--rounds <n>", "how often each variant is loaded", "20")
  .option("--round-ms <ms>", "how long each time", "400")
  .option("--json <file>", "write the figures, and those of every round")
  .option("--html <file>", "write a page with the bars drawn")
  .addHelpText("after", EXAMPLES)
  .action(bench);

async function bench(options: BenchOptions): Promise<void> {
  const [rounds, roundMs] = [positive("--rounds", options.rounds), positive("--round-ms", options.roundMs)];
  const directory = await mkdtemp(join(tmpdir(), "meshwright-bench-"));
  try {
    const onProgress = (line: string): void => console.error(line);
    await buildFilters(
      FILTERS.map(({ name }) => name),
      { onProgress },
    );
    const binary = await findEnvoy({ onProgress });
    const variants = await benchVariants(directory);
    const onRound = (round: number): void => console.error(`round ${round} of ${rounds}`);
    const measured = await measure({ binary, variants, directory, rounds, roundMs, onRound });
    const summary = summarise(measured, NO_FILTER, YARDSTICK);
    const head = { envoy: `Envoy ${binary.version}`, rounds, roundMs };
    console.log(renderTable(summary).join("\n"));
    if (options.json !== undefined)
      await writeFile(options.json, `${JSON.stringify({ ...head, ...summary, measured }, null, 2)}\n`);
    if (options.html !== undefined) await writeFile(options.html, renderPage(summary, head));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  return program.error(`error: ${option} takes a whole number above 0, not "${text}"`);
}

await program.parseAsync();
