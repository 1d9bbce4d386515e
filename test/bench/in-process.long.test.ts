// The in-process part of the benchmark as a whole, in a short run: twenty thousand streams at once
// and every figure.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { buildFilters } from "../../toolchain/compile/build.js";
import { IDLE, runInProcess } from "./in-process.js";

let trace = "";

beforeAll(async () => {
  const [built] = await buildFilters(["trace-headers", "header-routing"]);
  trace = built?.path ?? "";
});

test("a short run has every figure", async () => {
  const directory = await mkdtemp(join(tmpdir(), "meshwright-bench-"));
  try {
    const subjects = [{ name: "trace-headers", module: trace }];
    const summary = await runInProcess({ subjects, directory, rounds: 2, batches: 2, memoryStreams: 2_000 });
    expect(summary.callbacks.map(({ name }) => name)).toEqual([IDLE, "trace-headers"]);
    expect(summary.liveStreams.map(({ name }) => name)).toEqual(["1", "1,000", "20,000"]);
    expect(summary.wholeProxy.map(({ name }) => name)).toEqual(["1", "2", "5"]);
    expect(summary.rules).toHaveLength(4);
    expect(summary.memory[1]).toEqual({ streams: 2_000, pages: summary.memory[0].pages, ratio: 1 });
    expect(JSON.stringify(summary)).not.toContain("null");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
