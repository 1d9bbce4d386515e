// What a filter keeps in shared data is bounded, since the host frees no key before its last VM
// ends.

import type { HostedModule } from "../host/load.js";
import { broken, type Check, shown } from "./check.js";
import { Random } from "./random-documents.js";
import { marked, ScriptMaker } from "./random-scripts.js";
import { play } from "./script.js";
import { vocabularyOf } from "./vocabulary.js";

const REQUESTS = 10_000;
/** Keys that the second half of the requests may still add, for rare decisions. */
const LATE_KEYS = 10;
/**
 * A table of fixed size fills up, so the second half adds less than this part of what the first
 * half added.
 */
const STILL_GROWING = 0.8;

export const sharedDataChecks: readonly Check[] = [
  {
    name: "lets no client fill the shared data",
    run(subject) {
      const random = new Random(subject.seed);
      const maker = new ScriptMaker(vocabularyOf(subject.facts), random);
      for (const configuration of subject.facts.accepted.slice(-3)) {
        const module = subject.bootWith(configuration);
        const serve = (): number => {
          for (let i = subject.amount(REQUESTS / 2); i > 0; i--) play(module, marked(maker.script(), random));
          return keysOf(module).length;
        };
        const start = keysOf(module).length;
        const [early, all] = [serve(), serve()];
        const late = all - early;
        if (late > LATE_KEYS && late > STILL_GROWING * (early - start))
          broken(
            `random requests make more and more keys: ${early}, then ${all}, the latest ${shown(keysOf(module).at(-1))}. A proxy keeps each until its last ` +
              "VM ends: hash what a client sends into a fixed number of keys",
          );
      }
    },
  },
];

function keysOf({ host }: HostedModule): readonly string[] {
  return [...host.sharedDataOf("").entries.keys()];
}
