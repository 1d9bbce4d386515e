import { describe, expect, test } from "vitest";
import { renderPage, renderTable } from "./report.js";
import { quantile, summarise } from "./summary.js";

const MEASURED = [
  { name: "none", perRequest: [10, 12, 11] },
  { name: "idle", perRequest: [12, 14, 13] },
  { name: "a <b>", perRequest: [13, 15.5, 14] },
];

describe("summarise", () => {
  test("holds each round against the same round without a filter", () => {
    const { base, figures } = summarise(MEASURED, "none", "idle");
    expect(base).toBe(11);
    expect(figures).toEqual([
      { name: "idle", over: 2, spread: 0, ratio: 1 },
      { name: "a <b>", over: 3, spread: 0.125, ratio: 1.5 },
    ]);
  });

  test("takes quantiles between two values in proportion", () => {
    expect(quantile([3, 1, 2, 4], 0.5)).toBe(2.5);
    expect(quantile([1], 0.75)).toBe(1);
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe("the reports", () => {
  const summary = summarise(MEASURED, "none", "idle");

  test("put a line for each variant in the table", () => {
    expect(renderTable(summary).slice(2)).toEqual([
      "variant         µs       ± µs      ratio",
      "idle          2.00       0.00       1.00",
      "a <b>         3.00       0.13       1.50",
    ]);
  });

  test("draw a page that shows names as text", () => {
    const page = renderPage(summary, { envoy: "Envoy 1.39.3", rounds: 3, roundMs: 400 });
    expect(page).toContain("a &lt;b&gt;");
    expect(page).not.toContain("a <b>");
    expect(page).not.toMatch(/<(script|link|img)|https?:/);
  });
});
