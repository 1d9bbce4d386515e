import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { buildFilters } from "../../toolchain/compile/build.js";
import { IDLE, type InProcessSummary, runInProcess } from "./in-process.js";
import { renderInProcessSection, renderInProcessTable } from "./in-process-report.js";
import { against, timingOf } from "./rounds.js";

const base = [
  [10, 10],
  [20, 20],
  [10, 10],
] as const;
const slower = timingOf(
  "a <b>",
  [
    [15, 15],
    [40, 20],
    [20, 20],
  ],
  base,
);

const SUMMARY: InProcessSummary = {
  callbacks: [timingOf(IDLE, base, base), slower],
  memory: [
    { streams: 10_000, pages: 3, ratio: 1 },
    { streams: 1_000_000, pages: 6, ratio: 2 },
  ],
  liveStreams: [timingOf("1", base, base), timingOf("20,000", base, base)],
  liveStreamsHost: [timingOf("1", base, base), timingOf("20,000", base, base)],
  wholeProxy: [timingOf("1", base, base), timingOf("5", base, base)],
  rules: [timingOf("1", base, base), timingOf("1,000", [[30], [60], [30]], base)],
};

test("a round is compared with the same round of the first", () => {
  expect(slower).toEqual({
    name: "a <b>",
    phases: [20, 20],
    total: 40,
    ratio: 1.5,
    spread: 0.125,
    rounds: [30, 60, 40],
  });
  expect(against([slower, slower]).map(({ ratio }) => ratio)).toEqual([1, 1]);
});

test("the table names every figure", () => {
  const lines = renderInProcessTable(SUMMARY);
  expect(lines).toContain(
    "a <b>                                      20                20      40    1.50    0.13",
  );
  expect(lines.filter((line) => /^1,000 rules +30 +1\.50 +0\.00$/.test(line))).toHaveLength(1);
  expect(lines.at(-1)).toMatch(/^1,000,000 streams +6 +2\.00$/);
});

test("the section shows names as text, and loads nothing", () => {
  const section = renderInProcessSection(SUMMARY);
  expect(section).toContain("a &lt;b&gt;");
  expect(section).not.toContain("a <b>");
  expect(section).not.toMatch(/<(script|link|img)|https?:|NaN|undefined/);
});

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
