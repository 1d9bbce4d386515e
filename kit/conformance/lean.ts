// A lean build for a configuration does what the whole module does, and refuses what it cannot do.

import { readFileSync } from "node:fs";
import { leanModule } from "../../envoy/module/lean.js";
import { idleCallbacks } from "../host/idle-callbacks.js";
import { HostedModule } from "../host/load.js";
import { broken, type Check, difference, shown } from "./check.js";
import { Random } from "./random-documents.js";
import { ScriptMaker } from "./random-scripts.js";
import { type Outcome, play, playTogether, type Script, scriptOf } from "./script.js";
import type { Subject } from "./subject.js";
import { vocabularyOf } from "./vocabulary.js";

const STREAMS = 100;
/** Many configurations of a list need the same callbacks. */
const MOST_DOCUMENTS = 60;
/** Every random byte that the host gives: both builds must draw alike. */
const ANY_BYTE = 0x5a;

export const leanChecks: readonly Check[] = [
  {
    name: "answers as a lean build for its configuration as it does whole",
    run(subject) {
      const whole = new WebAssembly.Module(readFileSync(subject.modulePath));
      const scripts = scriptsOf(subject);
      for (const document of subject.sample(MOST_DOCUMENTS)) {
        const text = JSON.stringify(document);
        const idle = idleCallbacks(whole, text);
        if (idle.length === 0) continue;
        const lean = leanBuild(subject, idle);
        const [seen, expected] = [lean, whole].map((module) => serve(module, text, scripts, subject.seed));
        if (seen === undefined || expected === undefined || seen === expected) continue;
        const [is, was] = difference(seen, expected);
        broken(
          `without ${idle.join(", ")} a request comes out differently.\nlean: ${is}\nwhole: ${was}\n` +
            `MESHWRIGHT_SEED=${subject.seed} repeats it.\nconfiguration: ${shown(document, 400)}`,
        );
      }
    },
  },
  {
    name: "refuses as a lean build the configurations that need more, and names the callback",
    run(subject) {
      const whole = new WebAssembly.Module(readFileSync(subject.modulePath));
      const documents = subject.sample(MOST_DOCUMENTS).map((document) => JSON.stringify(document));
      const idleWith = new Map(documents.map((text) => [text, idleCallbacks(whole, text)]));
      const builds = new Map([...idleWith.values()].map((idle) => [idle.join(), idle]));
      for (const idle of builds.values()) {
        if (idle.length === 0) continue;
        const lean = leanBuild(subject, idle);
        for (const [text, idleHere] of idleWith) {
          const missing = idle.filter((callback) => !idleHere.includes(callback));
          expectVerdict(lean, text, missing);
        }
      }
    },
  },
];

function expectVerdict(lean: WebAssembly.Module, text: string, missing: readonly string[]): void {
  const { accepted, logs } = new HostedModule(lean).configure(text);
  if (accepted !== (missing.length === 0))
    broken(`it ${accepted ? "takes" : "refuses"} a configuration that misses ${shown(missing)}: ${text}`);
  const log = logs.join("\n");
  const untold = missing.filter((callback) => !log.includes(callback));
  if (untold.length > 0) broken(`its log does not name ${untold.join(", ")}: ${shown(log, 400)}`);
}

function leanBuild(subject: Subject, idle: readonly string[]): WebAssembly.Module {
  return new WebAssembly.Module(Buffer.from(leanModule(readFileSync(subject.modulePath), idle)));
}

/** The author's requests, and random ones. */
function scriptsOf(subject: Subject): readonly Script[] {
  const maker = new ScriptMaker(vocabularyOf(subject.facts), new Random(subject.seed));
  const random = Array.from({ length: subject.amount(STREAMS) }, () => maker.script());
  return [...(subject.facts.requests ?? []).map(scriptOf), ...random];
}

/** All that comes of the streams: in turn, after the same configuration came again, and at once. */
function serve(module: WebAssembly.Module, text: string, scripts: readonly Script[], seed: number): string {
  const hosted = new HostedModule(module);
  hosted.host.fillRandom = (bytes) => bytes.fill(ANY_BYTE);
  const outcomes: Outcome[] = [];
  for (let times = 0; times < 2; times++) {
    hosted.configure(text);
    outcomes.push(...scripts.map((script) => play(hosted, script)));
  }
  outcomes.push(...playTogether(hosted, scripts, new Random(seed)));
  return JSON.stringify([outcomes, [...hosted.metrics], hosted.logs]);
}
