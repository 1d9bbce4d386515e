// Every pair of what two filters of a bundle can do; `bundle.test.ts` has some of them.

import { afterAll, beforeAll } from "vitest";
import { describePairs, startPairsBench } from "./pairs.js";
import type { TwinBench } from "./twins.js";

let bench: TwinBench;

beforeAll(async () => {
  bench = await startPairsBench();
}, 120_000);

afterAll(async () => bench?.[Symbol.asyncDispose]());

describePairs(
  () => bench,
  () => true,
);
