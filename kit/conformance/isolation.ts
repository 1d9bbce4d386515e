// A plugin's behaviour follows from its own configuration and streams alone. Another plugin in its
// VM or a refused configuration changes nothing.

import type { HostedModule } from "../host/load.js";
import { broken, type Check, difference, REMEMBERS, shown } from "./check.js";
import { doesRemember } from "./facts.js";
import { Random } from "./random-documents.js";
import { ScriptMaker } from "./random-scripts.js";
import { type Outcome, play, playTogether, type Script, type StreamEvent } from "./script.js";
import type { Subject } from "./subject.js";
import { vocabularyOf } from "./vocabulary.js";

const PAIRS = 20;
const STREAMS = 200;
/** Every random byte that the host gives, so that draws do not depend on who drew before. */
const ANY_BYTE = 0x5a;

export const isolationChecks: readonly Check[] = [
  {
    name: "does not see another plugin of its VM",
    run(subject) {
      const { random, scripts } = streamsOf(subject);
      for (let pair = subject.amount(PAIRS); pair > 0; pair--) {
        const documents = unlike(subject.facts.accepted, random);
        const [one, other, later] = documents;
        const both = outcomes(subject, { one, other }, scripts, later);
        const alone = outcomes(subject, { one }, scripts, later);
        const otherAlone = outcomes(subject, { other }, scripts, later);
        const expected = scripts.map((_, i) => (i % 2 === 0 ? alone : otherAlone)[i]);
        compareAll(subject, scripts, both, expected, {
          seen: "with another plugin in its VM",
          expected: "alone",
          documents,
        });
      }
    },
  },
  {
    name: "behaves as before after a configuration that it refused",
    run(subject) {
      const { random, scripts } = streamsOf(subject);
      for (let times = subject.amount(PAIRS); times > 0; times--) {
        const good = random.pick(subject.facts.accepted);
        const [bad] = random.pick(subject.facts.refused);
        const serve = (refuses: boolean): Outcome[] => {
          const module = calm(subject.bootWith(good));
          for (const script of scripts) play(module, script);
          if (refuses && module.configure(JSON.stringify(bad)).accepted) broken(`it takes ${shown(bad)}`);
          return scripts.map((script) => play(module, script));
        };
        const [after, expected] = [serve(true), serve(false)];
        compareAll(subject, scripts, after, expected, {
          seen: "after a refused configuration",
          expected: "before it",
          documents: [good, bad],
        });
      }
    },
  },
  {
    name: "does the same again in another VM, and carries nothing from one stream to the next",
    run(subject) {
      const { random, scripts } = streamsOf(subject);
      for (let times = subject.amount(PAIRS); times > 0; times--) {
        const document = random.pick(subject.facts.accepted);
        const earlier = doesRemember(subject.facts, document) ? [] : scripts.map(timeless).reverse();
        const serve = (before: readonly Script[]): Outcome[] => {
          const module = calm(subject.bootWith(document));
          for (const script of before) play(module, script);
          return scripts.map((script) => play(module, script));
        };
        compareAll(subject, scripts, serve(earlier), serve([]), {
          seen: "in a VM that has served other streams",
          expected: "in a new one",
          documents: [document],
        });
      }
    },
  },
  {
    name: "keeps streams apart that are open at once",
    run(subject) {
      const { random, scripts } = streamsOf(subject);
      const calmer = scripts.map(timeless);
      const documents = subject.facts.accepted.filter((each) => !doesRemember(subject.facts, each));
      for (let times = subject.amount(PAIRS); times > 0 && documents.length > 0; times--) {
        const document = random.pick(documents);
        const together = playTogether(calm(subject.bootWith(document)), calmer, random);
        const module = calm(subject.bootWith(document));
        const inTurn = calmer.map((script) => play(module, script));
        compareAll(subject, calmer, together, inTurn, {
          seen: "among others that are open",
          expected: "by itself",
          documents: [document],
        });
      }
    },
  },
];

function streamsOf(subject: Subject): { random: Random; scripts: readonly Script[] } {
  const random = new Random(subject.seed);
  const maker = new ScriptMaker(vocabularyOf(subject.facts), random);
  return { random, scripts: Array.from({ length: STREAMS }, () => maker.script()) };
}

/** Three neighbours from anywhere in the list. No two are the same when there are enough. */
function unlike(accepted: readonly unknown[], random: Random): readonly unknown[] {
  const first = random.below(accepted.length);
  return [0, 1, 2].map((i) => accepted[(first + i) % accepted.length]);
}

/**
 * The script without the events that touch other streams: time, and answers to all waiting calls.
 */
function timeless(script: Script): Script {
  const isOwn = ({ kind }: StreamEvent) => kind !== "advance" && kind !== "answer";
  return { ...script, events: script.events.filter(isOwn) };
}

/** Makes every random draw the same, whoever drew before. */
function calm(module: HostedModule): HostedModule {
  module.host.fillRandom = (bytes) => bytes.fill(ANY_BYTE);
  return module;
}

/**
 * Even streams go to the plugin `one`, odd ones to `other`. Time passes in place of the streams of
 * a plugin that does not exist. `one` is reconfigured half-way.
 */
function outcomes(
  subject: Subject,
  plugins: Readonly<Record<string, unknown>>,
  scripts: readonly Script[],
  later: unknown,
): (Outcome | undefined)[] {
  const module = calm(subject.boot());
  for (const [plugin, document] of Object.entries(plugins))
    module.configure(JSON.stringify(document), { plugin });
  return scripts.map((script, i) => {
    if (i === STREAMS / 2 && "one" in plugins) module.configure(JSON.stringify(later), { plugin: "one" });
    const plugin = i % 2 === 0 ? "one" : "other";
    if (plugin in plugins) return play(module, script, plugin);
    for (const event of script.events) if (event.kind === "advance") module.advance(event.ms);
    return undefined;
  });
}

interface Comparison {
  readonly seen: string;
  readonly expected: string;
  readonly documents: readonly unknown[];
}

type Outcomes = readonly (Outcome | undefined)[];

function compareAll(
  { seed, facts: { remembers } }: Subject,
  scripts: readonly Script[],
  seen: Outcomes,
  expected: Outcomes,
  about: Comparison,
): void {
  const i = scripts.findIndex((_, k) => JSON.stringify(seen[k]) !== JSON.stringify(expected[k]));
  if (i < 0) return;
  const [is, was] = difference(JSON.stringify(seen[i]) ?? "", JSON.stringify(expected[i]) ?? "");
  const advice =
    remembers === undefined
      ? REMEMBERS
      : "It may keep what `remembers` says, but not from another plugin or a refused configuration.";
  broken(
    `a request comes out differently ${about.seen}.\n${about.seen}: ${is}\n${about.expected}: ${was}\n${advice}\n` +
      `MESHWRIGHT_SEED=${seed} repeats it.\n` +
      `configurations: ${shown(about.documents, 400)}\nrequest: ${shown(scripts[i], 400)}`,
  );
}
