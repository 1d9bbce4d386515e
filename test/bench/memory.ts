// `npm run bench:memory`: how many bytes a filter's module has, and what it takes in Envoy's
// process: memory by the number of workers, memory of an open stream, and processor time at the
// start. docs/operating.md has the figures.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { type EnvoyBinary, findEnvoy } from "../../envoy/runtime/find.js";
import { type Footprint, footprint, ofLiveStreams } from "./memory-measure.js";
import { type MemorySubject, memorySubjects } from "./memory-subjects.js";
import { type PeerOptions, peersOf, withPeers } from "./peers.js";
import { runCommand } from "./run-command.js";

const WORKERS = [1, 2, 4] as const;
const STREAMS = 20_000;
const KIB = 1024;
const NAME_COLUMNS = 40;
const COLUMNS = 16;

const HEADS = [
  "module, KiB",
  ...WORKERS.map((workers) => `${workers} workers, MiB`),
  "start, ms",
  "stream, bytes",
];

interface Row {
  readonly footprints: readonly Footprint[];
  readonly streams: number;
}

const EXAMPLES = `
Examples:
  npm run bench:memory
  npm run bench:memory -- --only rate-limit --peer theirs=their-filter.wasm`;

interface MemoryOptions extends PeerOptions {
  readonly only: readonly string[];
}

const program = new Command("npm run bench:memory --")
  .description("Measure what each filter's module takes in Envoy's process.")
  .option(
    "--only <text>",
    "measure only subjects with this text in their names, beside Envoy without a filter; repeatable",
    (text, before) => [...before, text],
    [] as readonly string[],
  )
  .addHelpText("after", EXAMPLES)
  .action(benchMemory);
withPeers(program);

async function benchMemory(options: MemoryOptions): Promise<void> {
  const peers = peersOf(options);
  const binary = await findEnvoy();
  const directory = await mkdtemp(join(tmpdir(), "meshwright-memory-"));
  try {
    const [without, ...subjects] = await memorySubjects(directory, peers);
    const base = await measured(binary, without);
    print("", HEADS);
    print(without.name, cells(without, base, undefined));
    for (const subject of only(subjects, options.only)) {
      print(subject.name, cells(subject, await measured(binary, subject), base));
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** All of them without a text. */
function only(subjects: readonly MemorySubject[], texts: readonly string[]): readonly MemorySubject[] {
  const unknown = texts.find((text) => !subjects.some(({ name }) => name.includes(text)));
  if (unknown !== undefined) return program.error(`error: --only ${unknown}: no subject has it in its name`);
  return subjects.filter(({ name }) => texts.length === 0 || texts.some((text) => name.includes(text)));
}

async function measured(binary: EnvoyBinary, { filters }: MemorySubject): Promise<Row> {
  const footprints: Footprint[] = [];
  for (const workers of WORKERS) footprints.push(await footprint(binary, filters, workers));
  return { footprints, streams: await ofLiveStreams(binary, filters, STREAMS) };
}

/** The figures, those of the first subject taken off. */
function cells({ bytes }: MemorySubject, row: Row, base: Row | undefined): readonly string[] {
  const memory = row.footprints.map(
    ({ resident }, i) => (resident - (base?.footprints[i]?.resident ?? 0)) / KIB,
  );
  const start = (row.footprints[0]?.startMs ?? 0) - (base?.footprints[0]?.startMs ?? 0);
  const stream = ((row.streams - (base?.streams ?? 0)) * KIB) / STREAMS;
  return [
    bytes === undefined ? "" : (bytes / KIB).toFixed(0),
    ...memory.map((mebibytes) => mebibytes.toFixed(1)),
    start.toFixed(0),
    stream.toFixed(0),
  ];
}

function print(name: string, figures: readonly string[]): void {
  console.log(name.padEnd(NAME_COLUMNS) + figures.map((figure) => figure.padStart(COLUMNS)).join(""));
}

await runCommand(program);
