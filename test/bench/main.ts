// `npm run bench`: what a filter costs in stock Envoy, in time or in instructions.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { findEnvoy } from "../../envoy/runtime/find.js";
import { FILTERS } from "../../filters/catalog.js";
import { buildFilters } from "../../toolchain/compile/build.js";
import { judge } from "./bounds.js";
import { renderCallCounts } from "./host-calls.js";
import { runInProcess, type Subject } from "./in-process.js";
import { renderInProcessSection, renderInProcessTable } from "./in-process-report.js";
import { countInstructions } from "./instructions.js";
import { type Measured, measure } from "./measure.js";
import { type PeerOptions, peersOf, withPeers } from "./peers.js";
import { INSTRUCTIONS, MICROSECONDS, renderPage, renderTable, renderVerdicts } from "./report.js";
import { runCommand } from "./run-command.js";
import { repeatability, type Summary, summarise } from "./summary.js";
import { benchVariants, inProcessSubjects, NAMES, only, type Peer } from "./variants.js";

/**
 * The part by which two measurements of the same variant may differ, before a difference between
 * two filters means something.
 */
const SETTLED = 0.05;

interface BenchOptions extends PeerOptions {
  readonly rounds: string;
  readonly maxRounds: string;
  readonly roundMs: string;
  readonly json?: string;
  readonly html?: string;
  readonly only: readonly string[];
  readonly inProcess: boolean;
  readonly instructions?: true;
}

const EXAMPLES = `
Examples:
  npm run bench
  npm run bench -- --instructions --only deadline
  npm run bench -- --json bench.json --html bench.html
  npm run bench -- --peer theirs=their-filter.wasm --peer-config theirs=their-settings.json
  npm run bench -- --only deadline --only "retry-budget, ratio" --rounds 12`;

const program = new Command("npm run bench --")
  .description("Measure the CPU time that each filter costs per request in stock Envoy.")
  .option(
    "--instructions",
    "count instructions under Valgrind in place of time: the same in each run on whatever machine, but some thirty seconds for each variant; one round suffices",
  )
  .option("--rounds <n>", "the least number of rounds for each variant", "60")
  .option(
    "--max-rounds <n>",
    "the most rounds, until a variant measured twice differs by less than 5 %",
    "240",
  )
  .option("--round-ms <ms>", "how long a round loads a variant", "50")
  .option("--no-in-process", "leave out the second part, which times modules without a proxy")
  .option("--json <file>", "write the figures, and those of every round")
  .option("--html <file>", "write a page that draws the bars")
  .option(
    "--only <text>",
    "measure only variants with this text in their names, and those with which they are compared; repeatable",
    (text, before) => [...before, text],
    [] as readonly string[],
  )
  .addHelpText("after", EXAMPLES)
  .action(bench);
withPeers(program);

async function bench(options: BenchOptions): Promise<void> {
  const rounds = positive("--rounds", options.rounds);
  const maxRounds = Math.max(rounds, positive("--max-rounds", options.maxRounds));
  const roundMs = positive("--round-ms", options.roundMs);
  const peers = peersOf(options);
  const directory = await mkdtemp(join(tmpdir(), "meshwright-bench-"));
  try {
    const onProgress = (line: string): void => console.error(line);
    await buildFilters(
      FILTERS.map(({ name }) => name),
      { onProgress },
    );
    const binary = await findEnvoy({ onProgress });
    const variants = only(await benchVariants(directory, peers), options.only);
    const bed = { binary, variants, directory };
    const measured = await (options.instructions
      ? countInstructions({ ...bed, onVariant: onProgress })
      : measure({
          ...bed,
          rounds,
          maxRounds,
          settled: (sofar) => differs(summaryOf(sofar)) < SETTLED,
          roundMs,
          onRound: (round) => onProgress(`round ${round}`),
        }));
    const summary = summaryOf(measured);
    const verdicts = judge(summary);
    const isWhole = options.only.length === 0;
    const subjects = [...inProcessSubjects(), ...peers.map(peerSubject)];
    const inProcess =
      options.inProcess && isWhole && !options.instructions
        ? await runInProcess({ subjects, directory, onProgress })
        : undefined;
    const head = {
      envoy: `Envoy ${binary.version}`,
      unit: options.instructions ? INSTRUCTIONS : MICROSECONDS,
      repeatability: differs(summary),
    };
    console.log(
      [
        ...renderTable(summary, head.unit),
        "",
        `The same module measured twice differs by ${(head.repeatability * 100).toFixed(1)} %.`,
        ...(head.repeatability < SETTLED
          ? []
          : [
              "Smaller differences between filters mean nothing: measure more rounds, or on a quieter machine.",
            ]),
        "",
        ...renderVerdicts(verdicts),
        "",
        ...renderCallCounts(),
        ...(inProcess === undefined ? [] : ["", ...renderInProcessTable(inProcess)]),
      ].join("\n"),
    );
    if (options.json !== undefined)
      await writeFile(
        options.json,
        `${JSON.stringify({ ...head, ...summary, verdicts, measured, inProcess }, null, 2)}\n`,
      );
    if (options.html !== undefined)
      await writeFile(
        options.html,
        renderPage(summary, verdicts, head, inProcess === undefined ? "" : renderInProcessSection(inProcess)),
      );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function peerSubject({ name, path, configuration = {} }: Peer): Subject {
  return { name, module: path, configuration: configuration as object };
}

function summaryOf(measured: readonly Measured[]): Summary {
  return summarise(measured, NAMES.noFilter, NAMES.yardstick);
}

function differs(summary: Summary): number {
  return repeatability(summary, NAMES.yardstick, NAMES.yardstickAgain);
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  return program.error(`error: ${option} takes a whole number above 0, not "${text}"`);
}

await runCommand(program);
