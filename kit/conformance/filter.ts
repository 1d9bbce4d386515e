// The one suite that every filter passes, ours or an author's.

import { afterAll, beforeAll, describe, test } from "vitest";
import type { Check } from "./check.js";
import { configurationChecks } from "./configuration.js";
import type { FilterFacts } from "./facts.js";
import { hostileChecks } from "./hostile.js";
import { envoyChecks } from "./in-envoy.js";
import { isolationChecks } from "./isolation.js";
import { leanChecks } from "./lean.js";
import { logChecks } from "./logs.js";
import { memoryChecks } from "./memory.js";
import { metricChecks } from "./metrics.js";
import { randomRequestChecks } from "./random-requests.js";
import { readmeChecks } from "./readme.js";
import { sharedDataChecks } from "./shared-data.js";
import { Subject, type SubjectOptions } from "./subject.js";

import { workerChecks } from "./workers.js";

/** The time limit of one check. All checks together take a small part of it. */
const TIMEOUT_MS = 120_000;

/** Every check that needs no proxy, for the filter that these facts describe. */
export function checksOf(facts: FilterFacts): readonly Check[] {
  return [
    ...configurationChecks(facts),
    ...readmeChecks,
    ...metricChecks,
    ...logChecks,
    ...sharedDataChecks,
    ...isolationChecks,
    ...workerChecks,
    ...hostileChecks,
    ...leanChecks,
    ...randomRequestChecks,
    ...memoryChecks,
  ];
}

/**
 * Declares the suite as vitest tests: configuration, README, metrics, log, shared data, isolation,
 * workers, hostile input, random requests and memory, and with `MESHWRIGHT_TEST_ENVOY=1` stock
 * Envoy too. `MESHWRIGHT_SEED` repeats the random part of a run. `MESHWRIGHT_QUICK=1` does a tenth
 * of it.
 * @param filter a filter's name or the path of its folder, as for `findMember`
 */
export function describeFilter(filter: string, facts: FilterFacts, options: SubjectOptions = {}): void {
  describe(`the filter ${filter}`, () => {
    let subject: Subject;
    let started = 0;

    beforeAll(async () => {
      subject = await Subject.of(filter, facts, options);
      started = performance.now();
    }, TIMEOUT_MS);

    afterAll(() => {
      if (started === 0) return;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`${filter}: conformance in ${seconds} s; MESHWRIGHT_SEED=${subject.seed} repeats it`);
    });

    for (const check of checksOf(facts)) test(check.name, () => check.run(subject), TIMEOUT_MS);

    describe.runIf(process.env.MESHWRIGHT_TEST_ENVOY === "1")("in stock Envoy", () => {
      for (const check of envoyChecks) test(check.name, () => check.run(subject), TIMEOUT_MS);
    });
  });
}
