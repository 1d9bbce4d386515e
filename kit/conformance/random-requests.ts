// No request ends the VM or makes a broken message: a hundred thousand random requests under
// changing configurations.

import type { HostedModule } from "../host/load.js";
import { broken, type Check, shown } from "./check.js";
import { Random } from "./random-documents.js";
import { ScriptMaker } from "./random-scripts.js";
import { flawOf } from "./sanity.js";
import { play, type Script } from "./script.js";
import { shrunk } from "./shrink.js";
import type { Subject } from "./subject.js";
import { vocabularyOf } from "./vocabulary.js";

const REQUESTS = 100_000;
/** How many requests meet one configuration before the next one takes its place. */
const REQUESTS_A_CONFIGURATION = 500;

export const randomRequestChecks: readonly Check[] = [
  {
    name: `lets ${REQUESTS.toLocaleString("en")} random requests neither end its VM nor break a message`,
    run(subject) {
      const random = new Random(subject.seed);
      const maker = new ScriptMaker(vocabularyOf(subject.facts), random);
      const module = subject.boot();
      const total = subject.amount(REQUESTS);
      for (let done = 0; done < total; done += REQUESTS_A_CONFIGURATION) {
        const configuration = random.pick(subject.facts.accepted);
        module.configure(JSON.stringify(configuration));
        module.logs.length = 0;
        const scripts: Script[] = [];
        for (let i = 0; i < REQUESTS_A_CONFIGURATION; i++) {
          const script = maker.script();
          scripts.push(script);
          const wrong = wrongWith(module, script);
          if (wrong !== undefined) report(subject, configuration, scripts, wrong);
        }
      }
    },
  },
];

/** What goes wrong when the script is played, or undefined when nothing does. */
export function wrongWith(module: HostedModule, script: Script): string | undefined {
  try {
    return flawOf(script, play(module, script));
  } catch (error) {
    return trapText(error);
  }
}

/** The text of a trap. The host has added its place in the source. */
export function trapText(error: unknown): string {
  return `it traps: ${error instanceof Error ? error.message : String(error)}`;
}

/** Fails the check with the smallest requests that show the fault. */
export function report(
  subject: Subject,
  configuration: unknown,
  scripts: readonly Script[],
  wrong: string,
): never {
  const again = (tried: readonly Script[]): string | undefined => {
    const module = subject.bootWith(configuration);
    for (const script of tried) {
      const found = wrongWith(module, script);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const last = scripts.slice(-1);
  const start = again(last) === undefined ? scripts : last;
  const isRepeated = again(start) !== undefined;
  const small = isRepeated ? shrunk(start, (tried) => again(tried) !== undefined) : last;
  const found = isRepeated ? again(small) : wrong;
  const what = isRepeated ? "the smallest that does it" : "the last one; requests long before it matter too";
  broken(
    `${found ?? wrong}\nMESHWRIGHT_SEED=${subject.seed} repeats it.\nconfiguration: ${shown(configuration, 2000)}\n` +
      `${small.length === 1 ? "request" : "requests"} (${what}):\n${small.map((script) => shown(script, 2000)).join("\n")}`,
  );
}
