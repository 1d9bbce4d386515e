// `meshwright test`: tests filters, once or on every save.

import type { Command } from "commander";
import { describeCounts } from "../../kit/runner/counts.js";
import { findRooms } from "../../kit/runner/room.js";
import { testFilters } from "../../kit/runner/test-filters.js";
import { watchFilters } from "../../kit/runner/watch-filters.js";
import { exitCodesHelp, ToldFailure } from "../failures.js";
import { listenForInterrupt } from "../interrupt.js";
import type { Screen } from "../screen.js";

interface TestOptions {
  readonly watch?: boolean;
  readonly envoy?: boolean;
}

const FAILED_EXIT_CODE = 1;

export function addTest(root: Command, screen: Screen): void {
  root
    .command("test")
    .description("Test filters: their AssemblyScript units, then their tests in the in-process host.")
    .argument("[filter...]", "which filters, or their folders; default: every one of this package")
    .option("--watch", "stay, and build and test again what each save changes")
    .option("--envoy", "run the tests that need stock Envoy too")
    .addHelpText("after", EXAMPLES)
    .action(async (names: string[], { watch = false, envoy = false }: TestOptions) => {
      using interrupt = listenForInterrupt(screen);
      const rooms = await findRooms(names);
      const onLine = (line: string) => screen.print([line]);
      const options = { envoy, interactive: screen.interactive, onLine, signal: interrupt.signal };
      if (watch) {
        await watchFilters(rooms, options);
        screen.print(["Stopped."]);
        return;
      }
      const counts = await testFilters(rooms, options);
      screen.print([describeCounts(counts)]);
      if (counts.failed > 0) throw new ToldFailure(FAILED_EXIT_CODE);
    });
}

const EXAMPLES = `
A filter's tests are the files in its folder: *.spec.ts run in as-pect,
*.test.ts in vitest, and envoy.test.ts and *.envoy.test.ts with --envoy alone.
Both tools are those that the package installs. The last line counts the tests
of both.

With --watch, what a save changes is compiled in a fraction of a second, without
optimizing. The tests of the in-process host run first, then units and the
conformance suite. On a terminal, Enter runs all tests and q ends the command.

Examples:
  meshwright test                     every filter of this package
  meshwright test my-filter
  meshwright test my-filter --watch
  meshwright test my-filter --envoy
${exitCodesHelp("every test passed, or --watch was ended", ["usage", "build", "tool-missing", "interrupted"], { [FAILED_EXIT_CODE]: "a test failed" })}`;
