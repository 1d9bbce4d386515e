// Every filter with all neighbours and all shapes of messages; `filters.test.ts` has some of them.

import { afterAll, beforeAll } from "vitest";
import { describeNeighbours, startFiltersBench } from "./neighbours.js";
import type { TwinBench } from "./twins.js";

let bench: TwinBench;

beforeAll(async () => {
  bench = await startFiltersBench();
}, 240_000);

afterAll(async () => bench?.[Symbol.asyncDispose]());

describeNeighbours(
  () => bench,
  () => true,
);
