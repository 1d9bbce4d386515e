// A filter that can have one of many flaws, and what the conformance suite finds in it.

import type { Check } from "../../kit/conformance/check.js";
import type { FilterFacts } from "../../kit/conformance/facts.js";
import { checksOf } from "../../kit/conformance/filter.js";
import { Subject } from "../../kit/conformance/subject.js";
import type { Flaw } from "../probes/broken-filter/schema.js";

const FILTER = "test/probes/broken-filter";
/** How much of the random work is enough to find each flaw. */
const SCALE = 0.1;
/**
 * With this seed no random document asks for the flaw `any-key`, about which the schema and the
 * module differ.
 */
export const SEED = 4;
export const TIMEOUT_MS = 120_000;

export const CHECKS = {
  document: /^refuses, at tag,/,
  unknownKeys: /^refuses a key that it does not know/,
  readers: /^takes and refuses the same/,
  counted: /^counts by every metric/,
  listed: /^has no metric that its README does not list/,
  cardinality: /^lets no client name a metric/,
  log: /^writes no line end/,
  plugins: /^does not see another plugin/,
  refusal: /^behaves as before after a configuration/,
  again: /^does the same again/,
  apart: /^keeps streams apart/,
  types: /^has its metrics of the types/,
  sharedData: /^lets no client fill the shared data/,
  workers: /^does the same on every worker/,
  oddHeaders: /^takes headers that no client should send/,
  hugeHeaders: /^takes ten megabytes/,
  hugeBodies: /^takes huge bodies/,
  oneCall: /^goes on when any one host call/,
  someCalls: /^goes on when host calls fail at random/,
  lean: /^answers as a lean build/,
  leanRefusal: /^refuses as a lean build/,
  random: /random requests neither end/,
  memory: /^has as much memory/,
  atOnce: /^frees the memory/,
  refusals: /^keeps no trace of 10,000/,
  changes: /keeps no trace of old configurations/,
} as const;

function factsOf(flaw: Flaw): FilterFacts {
  return {
    accepted: [
      { flaw, tag: "a" },
      { flaw, tag: "b" },
    ],
    refused: [
      [{ flaw, tag: 1 }, "tag"],
      [{ flaw: "no" }, "flaw"],
    ],
    requests: [{ headers: [["x-tag", "sent"]] }, { headers: [["x-tag", "other"]], path: "/a" }],
  };
}

/** The names of the checks that find something, each with what it says. */
export async function findings(
  flaw: Flaw,
  isWanted = (_: Check) => true,
): Promise<ReadonlyMap<string, string>> {
  const facts = factsOf(flaw);
  const subject = await Subject.of(FILTER, facts, { seed: SEED, scale: SCALE });
  const found = new Map<string, string>();
  for (const check of checksOf(facts).filter(isWanted)) {
    try {
      await check.run(subject);
    } catch (error) {
      found.set(check.name, error instanceof Error ? error.message : String(error));
    }
  }
  return found;
}

export const FLAWS: readonly (readonly [Flaw, readonly (keyof typeof CHECKS)[]])[] = [
  ["none", []],
  ["trusts-size", ["hugeHeaders", "hugeBodies"]],
  ["trusts-host", ["oneCall", "someCalls"]],
  ["leaks-streams", ["memory", "atOnce"]],
  ["leaks-configurations", ["changes", "refusals"]],
  ["global-tag", ["plugins"]],
  ["forgets-itself", ["refusal"]],
  ["remembers-stream", ["again"]],
  ["mixes-streams", ["apart"]],
  ["any-key", ["unknownKeys", "readers"]],
  ["refuses-silently", ["document", "unknownKeys"]],
  ["unlisted-metric", ["listed"]],
  ["uncounted-metric", ["counted"]],
  ["client-metric", ["listed", "cardinality"]],
  ["logs-headers", ["log"]],
  ["injects-header", ["random"]],
  ["wrong-type", ["types"]],
  ["client-data", ["sharedData"]],
  ["counts-workers", ["plugins", "workers"]],
  ["hides-need", ["lean"]],
  ["takes-anything", ["leanRefusal"]],
];
