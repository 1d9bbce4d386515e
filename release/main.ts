// `npm run release`: a command for this checkout alone, which reports like those of cli/.

import path from "node:path";
import { Command } from "commander";
import { describeFailure } from "../cli/failures.js";
import { listenForInterrupt } from "../cli/interrupt.js";
import { Screen } from "../cli/screen.js";
import { toItsEnd } from "../compose/to-its-end.js";
import { makeRelease, type Release, type ReleaseOptions } from "./release.js";

const EXAMPLES = `
The same commit gives the same files on every machine. Nothing is pushed.

Examples:
  npm run release
  npm run release -- --tag v0.1.0 --out-dir /tmp/release
  (cd build/release/0.1.0 && sha256sum -c SHA256SUMS)`;

const screen = new Screen(process.stdout, process.env);

const program = new Command("npm run release --")
  .description("Make the files of a release: modules, bundles, images, schemas, the npm package, sums.")
  .option("--out-dir <folder>", "where they go, a new folder; default: build/release/VERSION")
  .option("--tag <tag>", "refuse any other version than that of this tag")
  .option("--allow-dirty", "take files that are not committed, for a trial")
  .exitOverride()
  .addHelpText("after", EXAMPLES)
  .action(async (options: ReleaseOptions) => {
    using interrupt = listenForInterrupt(screen);
    const work = makeRelease({ ...options, onProgress: (line) => screen.print([line]) });
    screen.print(describe(await toItsEnd(work, interrupt.signal)));
  });

function describe({ folder, files, images }: Release): readonly string[] {
  const shown = path.relative(process.cwd(), folder);
  return [
    "",
    ...images.map(({ name, digest }) => `${name.padEnd(16)} ${digest}`),
    "",
    `${files.length} files and their sums are in ${shown.startsWith("..") ? folder : shown}`,
  ];
}

try {
  await program.parseAsync();
} catch (error) {
  const { lines, exitCode } = describeFailure(error, process.env.MESHWRIGHT_DEBUG === "1");
  for (const line of lines) console.error(line);
  process.exitCode = exitCode;
}
