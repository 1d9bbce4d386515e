import { describe, expect, test } from "vitest";
import { judge } from "./bounds.js";
import { quantile } from "./quantile.js";
import { MICROSECONDS, renderPage, renderTable, renderVerdicts } from "./report.js";
import { repeatability, summarise } from "./summary.js";
import { NAMES } from "./variants.js";

const MEASURED = [
  { name: "none", perRequest: [10, 12, 11] },
  { name: "idle", perRequest: [12, 14, 13] },
  { name: "a <b>", perRequest: [13, 15.5, 14] },
];

describe("summarise", () => {
  test("compares each round with the same round without a filter", () => {
    const { base, figures, rounds } = summarise(MEASURED, "none", "idle");
    expect([base, rounds]).toEqual([11, 3]);
    expect(figures).toEqual([
      { name: "idle", over: 2, spread: 0, ratio: 1 },
      { name: "a <b>", over: 3, spread: 0.125, ratio: 1.5 },
    ]);
  });

  test("compares a variant with the one that it names", () => {
    const elsewhere = { name: "elsewhere", over: "idle", perRequest: [13, 15, 14] };
    const { figures } = summarise([...MEASURED, elsewhere], "none", "idle");
    expect(figures.at(-1)).toEqual({ name: "elsewhere", over: 1, spread: 0, ratio: 0.5 });
  });

  test("gives the difference between two measurements of the same variant", () => {
    const summary = summarise(MEASURED, "none", "idle");
    expect(repeatability(summary, "idle", "a <b>")).toBe(0.5);
    expect(repeatability(summary, "idle", "absent")).toBeNaN();
  });

  test("interpolates quantiles between two values", () => {
    expect(quantile([3, 1, 2, 4], 0.5)).toBe(2.5);
    expect(quantile([1], 0.75)).toBe(1);
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe("the reports", () => {
  const summary = summarise(MEASURED, "none", "idle");

  test("print a line for each variant in the table", () => {
    expect(renderTable(summary, MICROSECONDS).slice(2)).toEqual([
      "variant         µs       ± µs      ratio",
      "idle          2.00       0.00       1.00",
      "a <b>         3.00       0.13       1.50",
    ]);
  });

  test("draw a page that shows names as text", () => {
    const page = renderPage(
      summary,
      [{ claim: "a < b", measured: 1.5, atMost: 1, held: false }],
      { envoy: "Envoy 1.39.3", unit: MICROSECONDS, repeatability: 0.04 },
      "<p>more</p>",
    );
    expect(page).toContain("a &lt;b&gt;");
    expect(page).not.toContain("a <b>");
    expect(page).toContain("<td>1.50</td><td>1.00</td><td>missed</td>");
    expect(page).toContain("a &lt; b");
    expect(page).toContain("differs by 4.0 %");
    expect(page).toContain("<p>more</p>");
    expect(page).not.toMatch(/<(script|link|img)|https?:/);
  });
});

describe("the promises", () => {
  const figure = (name: string, over: number) => ({ name, over, spread: 0, ratio: over });
  const figures = [figure(NAMES.oneRule, 2), figure(NAMES.thousandRules, 3.2)];

  test("are judged if their variants were measured", () => {
    const verdicts = judge({ base: 10, rounds: 3, figures });
    expect(verdicts).toHaveLength(1);
    expect(verdicts[0]).toMatchObject({ measured: 1.6, atMost: 1.5, held: false });
    expect(renderVerdicts(verdicts)[0]).toMatch(/ 1\.60 {2}at most 1\.50 {2}MISSED$/);
  });

  test("hold up to their bound", () => {
    const even = [figure(NAMES.oneRule, 2), figure(NAMES.thousandRules, 3)];
    expect(judge({ base: 10, rounds: 3, figures: even })[0]?.held).toBe(true);
  });
});
