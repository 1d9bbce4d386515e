import { expect, test } from "vitest";
import { IDLE, type InProcessSummary } from "./in-process.js";
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
