// The in-process figures for people: lines for the terminal, and a fragment of a page that loads
// nothing.

import type { InProcessSummary } from "./in-process.js";
import type { Timing } from "./rounds.js";

const PHASES = ["request headers", "response headers", "end"] as const;
const WIDTH = 460;
const HEIGHT = 180;
const MARGIN = 34;

interface Series {
  readonly title: string;
  readonly unit: string;
  readonly timings: readonly Timing[];
}

function seriesOf(summary: InProcessSummary): readonly Series[] {
  return [
    { title: "A stream in a filter with state, by open streams", unit: "open", timings: summary.liveStreams },
    { title: "The same in the module that does nothing", unit: "open", timings: summary.liveStreamsHost },
    {
      title: "A whole request, by filters that do nothing",
      unit: "filters",
      timings: summary.wholeProxy,
    },
    { title: "header-routing, by rules", unit: "rules", timings: summary.rules },
  ];
}

/** The lines of the tables: callbacks, memory, live streams and rules. */
export function renderInProcessTable(summary: InProcessSummary): string[] {
  const callbacks = summary.callbacks.map(({ name, phases, total, ratio, spread }) => [
    name,
    ...phases.map((ns) => ns.toFixed(0)),
    total.toFixed(0),
    ratio.toFixed(2),
    spread.toFixed(2),
  ]);
  const series = seriesOf(summary).flatMap(({ title, unit, timings }) => [
    "",
    ...table(
      [title, "ns", "ratio", "±"],
      timings.map((timing) => timingCells(timing, unit)),
    ),
  ]);
  const memory = summary.memory.map(({ streams, pages, ratio }) => [
    `${streams.toLocaleString("en")} streams`,
    `${pages}`,
    ratio.toFixed(2),
  ]);
  return [
    "In process: nanoseconds per stream, the host's share included; median of all rounds",
    "",
    ...table(["module", ...PHASES, "all", "ratio", "±"], callbacks),
    ...series,
    "",
    ...table(["Bodies of 64 KiB, timers, calls", "pages", "ratio"], memory),
  ];
}

function timingCells({ name, total, ratio, spread }: Timing, unit: string): string[] {
  return [`${name} ${unit}`, total.toFixed(0), ratio.toFixed(2), spread.toFixed(2)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]?.length ?? 0), 6));
  return [head, ...rows].map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
  );
}

/** A `<section>` with bars for the callbacks, lines for live streams and rules, and the memory. */
export function renderInProcessSection(summary: InProcessSummary): string {
  const [short, long] = summary.memory;
  return `<section class="in-process">
<style>
.in-process .phases{display:flex;height:1.1rem}.in-process .phases span{display:block;background:#7a5bd0}
.in-process .phases span:nth-child(2){background:#2a9d8f}.in-process .phases span:nth-child(3){background:#e0a030}
.in-process figure{display:inline-block;margin:1rem 1rem 0 0}.in-process svg{display:block;max-width:100%}
.in-process svg text{font:11px system-ui,sans-serif;fill:currentColor}
</style>
<h2>In process</h2>
<p>Nanoseconds per stream in the in-process host, its own share included; medians. Ratio and spread: against the first row, round by round.</p>
${callbacksTable(summary.callbacks)}
${seriesOf(summary).map(lineChart).join("\n")}
<p>Memory after ${long.streams.toLocaleString("en")} streams with bodies of 64 KiB, timers and calls: ${long.pages} pages of 64 KiB;
after ${short.streams.toLocaleString("en")}: ${short.pages}. Ratio ${long.ratio.toFixed(2)}.</p>
</section>
`;
}

function callbacksTable(timings: readonly Timing[]): string {
  const longest = Math.max(...timings.map(({ total }) => total));
  const bar = (ns: number) => `<span style="width:${((ns / longest) * 100).toFixed(2)}%"></span>`;
  const rows = timings.map(
    ({ name, phases, total, ratio, spread }) => `<tr><th scope="row">${escapeHtml(name)}</th>
<td class="bar"><div class="phases">${phases.map(bar).join("")}</div></td>
<td>${phases.map((ns) => ns.toFixed(0)).join(" + ")}</td><td>${total.toFixed(0)}</td>
<td>${ratio.toFixed(2)}</td><td>± ${spread.toFixed(2)}</td></tr>`,
  );
  const heads = ["", PHASES.join(" + "), "ns", "ratio", "spread"].map(
    (head) => `<th scope="col">${head}</th>`,
  );
  return `<table><thead><tr><th scope="col" style="text-align:left">module</th>${heads.join("")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table>`;
}

/** The ratios with their spread, the first at 1. The points are at equal distances. */
function lineChart({ title, unit, timings }: Series): string {
  const top = Math.max(2, ...timings.map(({ ratio, spread }) => ratio + spread));
  const x = (i: number) => MARGIN + (i * (WIDTH - 2 * MARGIN)) / Math.max(1, timings.length - 1);
  const y = (ratio: number) => HEIGHT - MARGIN - (Math.max(0, ratio) * (HEIGHT - 2 * MARGIN)) / top;
  const at = (value: number) => value.toFixed(1);
  const points = timings.map(({ ratio }, i) => `${at(x(i))},${at(y(ratio))}`).join(" ");
  const marks = timings.map(({ name, total, ratio, spread }, i) => {
    const [px, low, high] = [at(x(i)), at(y(ratio - spread)), at(y(ratio + spread))];
    return `<line x1="${px}" x2="${px}" y1="${low}" y2="${high}" stroke="currentColor"/>
<circle cx="${px}" cy="${at(y(ratio))}" r="4" fill="#7a5bd0"><title>${total.toFixed(0)} ns</title></circle>
<text x="${px}" y="${at(y(ratio + spread) - 8)}" text-anchor="middle">${ratio.toFixed(2)}</text>
<text x="${px}" y="${HEIGHT - 12}" text-anchor="middle">${escapeHtml(`${name} ${unit}`)}</text>`;
  });
  return `<figure><figcaption>${escapeHtml(title)}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" role="img" aria-label="${escapeHtml(title)}">
<line x1="${MARGIN}" x2="${WIDTH - MARGIN}" y1="${at(y(1))}" y2="${at(y(1))}" stroke="#b6c0cc" stroke-dasharray="4"/>
<polyline points="${points}" fill="none" stroke="#7a5bd0" stroke-width="2"/>
${marks.join("\n")}
</svg></figure>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
