// A client cannot write a log line of its own.

import { broken, type Check, shown } from "./check.js";
import { Random } from "./random-documents.js";
import { ScriptMaker } from "./random-scripts.js";
import { play, type Script } from "./script.js";
import { vocabularyOf } from "./vocabulary.js";

const REQUESTS = 5_000;
const FORGED = "\nforged line\r\n";
/** All characters that end a line or move a terminal's cursor. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

export const logChecks: readonly Check[] = [
  {
    name: "writes no line end and no control character from a client into its log",
    run(subject) {
      const random = new Random(subject.seed);
      const maker = new ScriptMaker(vocabularyOf(subject.facts), random);
      for (let configurations = 10; configurations > 0; configurations--) {
        const configuration = random.pick(subject.facts.accepted);
        const module = subject.bootWith(configuration, { logLevel: 0 });
        for (let i = subject.amount(REQUESTS / 10); i > 0; i--) {
          const script = forging(maker.script(), random);
          play(module, script);
          const line = module.logs.find(({ text }) => CONTROL.test(text));
          if (line === undefined) continue;
          broken(
            `it logs ${shown(line.text, 500)}: escape what a client sent.\nMESHWRIGHT_SEED=${subject.seed} repeats it.\n` +
              `configuration: ${shown(configuration, 2000)}\nrequest: ${shown(script, 2000)}`,
          );
        }
      }
    },
  },
];

/** Adds line ends to some of the values, plain and as a query escapes them, and to bodies. */
function forging(script: Script, random: Random): Script {
  const headers = script.headers.map(([name, value]): [string, string] => {
    if (random.below(3) > 0) return [name, value];
    return [name, name === ":path" ? `${value}?a=%0aforged%0d` : value + FORGED];
  });
  const events = script.events.map((event) =>
    "bytes" in event ? { ...event, bytes: event.bytes + FORGED } : event,
  );
  return { ...script, headers, events };
}
