// A VM's memory grows neither with the streams that it has served nor with its configurations.

import type { HostedModule } from "../host/load.js";
import { broken, type Check } from "./check.js";
import { Random } from "./random-documents.js";
import { ScriptMaker } from "./random-scripts.js";
import { begin, play, type Script } from "./script.js";
import type { Subject } from "./subject.js";
import { vocabularyOf } from "./vocabulary.js";

const STREAMS = 100_000;
/** How many different scripts the streams play. */
const SCRIPTS = 1_000;
const PLUGINS = 5;
const OPEN_AT_ONCE = 5_000;
const WAVES = 8;
const CHANGES = 2_000;
const REFUSALS = 10_000;

export const memoryChecks: readonly Check[] = [
  {
    name: `has as much memory after ${STREAMS.toLocaleString("en")} streams as after the first few`,
    run(subject) {
      const scripts = scriptsOf(subject);
      const { module, plugins } = severalPlugins(subject);
      const serve = (streams: number): void => {
        for (let i = 0; i < streams; i++)
          play(module, scripts[i % SCRIPTS] as Script, plugins[i % plugins.length]);
        module.logs.length = 0;
      };
      const total = subject.amount(STREAMS);
      // The heap may double while the collector finds its pace. That comes first.
      serve(STREAMS / 10);
      const pages = module.pages;
      serve(total);
      if (module.pages > pages)
        broken(`its memory grew from ${pages} to ${module.pages} pages of 64 KiB over ${total} streams`);
    },
  },
  {
    name: `frees the memory that ${OPEN_AT_ONCE.toLocaleString("en")} streams at once have taken`,
    run(subject) {
      const scripts = scriptsOf(subject);
      const { module, plugins } = severalPlugins(subject);
      const wave = (): number => {
        const streams = Array.from({ length: OPEN_AT_ONCE }, (_, i) =>
          begin(module, scripts[i % SCRIPTS] as Script, plugins[i % plugins.length]),
        );
        for (const stream of streams) stream.close();
        return module.pages;
      };
      wave();
      const pages = wave();
      // A module that needs more memory doubles what it has, so a few more waves might fit even
      // with a leak.
      for (let i = 0; i < WAVES; i++) {
        const now = wave();
        if (now > pages)
          broken(`its memory grew from ${pages} to ${now} pages of 64 KiB, with no stream left open`);
      }
    },
  },
  {
    name: `keeps no trace of old configurations after ${CHANGES.toLocaleString("en")} changes`,
    run(subject) {
      const documents = subject.facts.accepted.slice(0, 10).map((document) => JSON.stringify(document));
      keepsMemory(subject, documents, CHANGES);
    },
  },
  {
    name: `keeps no trace of ${REFUSALS.toLocaleString("en")} configurations that it refuses`,
    run(subject) {
      const first = JSON.stringify(subject.facts.accepted[0]);
      const refused = subject.facts.refused.slice(0, 10).map(([document]) => JSON.stringify(document));
      keepsMemory(subject, [first, ...refused], REFUSALS);
    },
  },
];

/** How many times as many configurations a heap that has doubled gets. */
const DOUBLED = 4;

/** One VM whose plugins have different configurations. */
function severalPlugins(subject: Subject): { module: HostedModule; plugins: readonly string[] } {
  const module = subject.boot();
  const plugins = subject.sample(PLUGINS).map((configuration, i) => {
    module.configure(JSON.stringify(configuration), { plugin: `plugin-${i}` });
    return `plugin-${i}`;
  });
  return { module, plugins };
}

function keepsMemory(subject: Subject, documents: readonly string[], times: number): void {
  const module = subject.boot();
  const change = (count: number): void => {
    for (let i = 0; i < count; i++) module.configure(documents[i % documents.length] ?? "");
    module.logs.length = 0;
  };
  const total = subject.amount(times);
  change(Math.max(200, total / 10));
  const before = module.pages;
  change(total);
  if (module.pages === before) return;
  // The heap doubles when it is full for the first time, and then keeps its size. What every
  // configuration leaves behind fills it again.
  const pages = module.pages;
  const more = DOUBLED * total;
  change(more);
  if (module.pages > pages)
    broken(
      `its memory grew from ${before} to ${pages} pages of 64 KiB over ${total} configurations, and to ${module.pages} over ${more} more`,
    );
}

function scriptsOf(subject: Subject): readonly Script[] {
  const maker = new ScriptMaker(vocabularyOf(subject.facts), new Random(subject.seed));
  return Array.from({ length: SCRIPTS }, () => maker.script());
}
