// The figures for people: a table for the terminal, and one page that loads nothing.

import type { Verdict } from "./bounds.js";
import type { Summary } from "./summary.js";

/** What is measured. */
export interface Unit {
  readonly name: string;
  readonly short: string;
  /** Digits after the point. */
  readonly digits: number;
}

export const MICROSECONDS: Unit = { name: "CPU time", short: "µs", digits: 2 };
export const INSTRUCTIONS: Unit = { name: "Instructions", short: "instr.", digits: 0 };

export interface ReportHead {
  readonly envoy: string;
  readonly unit: Unit;
  /** The difference between two measurements of the yardstick, as a part of the first. */
  readonly repeatability: number;
}

/** The lines of a table that shows whether the promises hold. */
export function renderVerdicts(verdicts: readonly Verdict[]): string[] {
  const width = Math.max(0, ...verdicts.map(({ claim }) => claim.length));
  return verdicts.map(
    ({ claim, measured, atMost, held }) =>
      `${claim.padEnd(width)}  ${measured.toFixed(2).padStart(6)}  at most ${atMost.toFixed(2)}  ${held ? "held" : "MISSED"}`,
  );
}

/** The lines of the table of figures. */
export function renderTable({ base, figures, rounds }: Summary, { name, short, digits }: Unit): string[] {
  const width = Math.max(...figures.map(({ name }) => name.length), "variant".length);
  const row = (...cells: readonly [string, string, string, string]) =>
    [cells[0].padEnd(width), ...cells.slice(1).map((cell) => cell.padStart(9))].join("  ");
  return [
    `${name} per request over no filter, which costs ${base.toFixed(digits)} ${short}; median of ${rounds} rounds`,
    "",
    row("variant", short, `± ${short}`, "ratio"),
    ...figures.map(({ name, over, spread, ratio }) =>
      row(name, over.toFixed(digits), spread.toFixed(digits), ratio.toFixed(2)),
    ),
  ];
}

/**
 * A whole page with a bar for each variant.
 * @param section further HTML, below the figures
 */
export function renderPage(
  summary: Summary,
  verdicts: readonly Verdict[],
  { envoy, unit, repeatability }: ReportHead,
  section: string,
): string {
  const longest = Math.max(...summary.figures.map(({ over, spread }) => over + spread));
  const percent = (value: number) => `${Math.max(0, (value / longest) * 100).toFixed(2)}%`;
  const rows = summary.figures.map(
    ({ name, over, spread, ratio }) => `<tr><th scope="row">${escapeHtml(name)}</th>
<td class="bar"><span style="width:${percent(over)}"></span><i style="left:${percent(over - spread)};width:${percent(2 * spread)}"></i></td>
<td>${over.toFixed(unit.digits)}</td><td>± ${spread.toFixed(unit.digits)}</td><td>${ratio.toFixed(2)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>meshwright: what a filter costs</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1f2328;background:#fff}
table{border-collapse:collapse;width:100%}th,td{padding:.3rem .5rem;text-align:right;white-space:nowrap}
th[scope=row]{text-align:left;font-weight:400}thead th{border-bottom:1px solid #b6c0cc;font-weight:600}
.bar{position:relative;width:45%;min-width:10rem}.bar span{display:block;height:1.1rem;background:#7a5bd0;border-radius:3px}
.bar i{position:absolute;top:50%;height:2px;background:#1f2328}
@media (prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}.bar i{background:#e6edf3}}
</style>
<h1>What a filter costs</h1>
<p>${unit.name} of Envoy's process per request, over the same Envoy without a filter (${summary.base.toFixed(unit.digits)} ${unit.short}). Medians of ${summary.rounds} rounds;
the line at a bar's end is half the distance of the quartiles to either side. Ratio: against the Wasm module that does nothing in five callbacks. ${escapeHtml(envoy)}, one worker, HTTP/2.
The same module measured twice differs by ${(repeatability * 100).toFixed(1)} %.</p>
<table><thead><tr><th scope="col" style="text-align:left">variant</th><th></th><th scope="col">${unit.short}</th><th scope="col">spread</th><th scope="col">ratio</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table>
<h2>What they must show</h2>
<table><thead><tr><th scope="col" style="text-align:left">claim</th><th scope="col">measured</th><th scope="col">at most</th><th scope="col"></th></tr></thead>
<tbody>
${verdicts.map(({ claim, measured, atMost, held }) => `<tr><th scope="row">${escapeHtml(claim)}</th><td>${measured.toFixed(2)}</td><td>${atMost.toFixed(2)}</td><td>${held ? "held" : "missed"}</td></tr>`).join("\n")}
</tbody></table>
${section}
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
