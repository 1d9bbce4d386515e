// What a filter keeps in shared data is bounded, since the host frees no key before its last VM
// ends.

import type { HostedModule } from "../host/load.js";
import { broken, type Check, shown } from "./check.js";
import { Random } from "./random-documents.js";
import { marked, ScriptMaker } from "./random-scripts.js";
import { play } from "./script.js";
import { vocabularyOf } from "./vocabulary.js";

/**
 * The check begins with these, or with the part of them that the run does. It doubles them while
 * keys are still added: a table that has only begun to fill looks like one that has no end.
 */
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
        const serve = (requests: number): number => {
          for (let i = requests; i > 0; i--) play(module, marked(maker.script(), random));
          return keysOf(module).length;
        };
        const start = keysOf(module).length;
        let half = subject.amount(REQUESTS / 2);
        let [early, all] = [serve(half), serve(half)];
        while (stillGrows(early - start, all - early)) {
          half *= 2;
          if (half >= REQUESTS)
            broken(
              `random requests make more and more keys: ${early}, then ${all}, the latest ${shown(keysOf(module).at(-1))}. A proxy keeps each until its last ` +
                "VM ends: hash what a client sends into a fixed number of keys",
            );
          [early, all] = [all, serve(half)];
        }
      }
    },
  },
];

/** @param early keys that the first half of the requests added; `late` those of the second */
function stillGrows(early: number, late: number): boolean {
  return late > LATE_KEYS && late > STILL_GROWING * early;
}

function keysOf({ host }: HostedModule): readonly string[] {
  return [...host.sharedDataOf("").entries.keys()];
}
