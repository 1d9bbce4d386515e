// The table of requests to each version, as lines of text. Pure.

import type { VersionFigures } from "./figures.js";

/** Two readings of the same mesh, from which rates are computed. */
export interface TableInput {
  readonly now: readonly VersionFigures[];
  /** An earlier reading, in the same order; absent at the first. */
  readonly before?: readonly VersionFigures[];
  /** The time between the two readings. */
  readonly seconds: number;
  /** How many columns a line may have. */
  readonly width: number;
  readonly colours: boolean;
}

const HEADINGS = ["service", "version", "requests", "per s", "share", "2xx", "4xx", "5xx"];
/** Only in a mesh with rules of who may call whom. */
const ACCESS_HEADINGS = ["refused", "dry run"];
/** Only in a mesh with filters that have states, such as circuits. */
const STATE_HEADING = "state";
const GAP = "  ";
const TEXT_COLUMNS = 2;

/** A heading and a line for each version; no line is wider than `width`. */
export function renderTable(input: TableInput): string[] {
  const hasRules = input.now.some(({ refused }) => refused !== undefined);
  const hasStates = input.now.some(({ state }) => state !== undefined);
  const headings = [...HEADINGS, ...(hasRules ? ACCESS_HEADINGS : []), ...(hasStates ? [STATE_HEADING] : [])];
  const rows = input.now.map((figures, i) => [
    ...cells(input, figures, input.before?.[i]),
    ...(hasRules ? [figures.refused, figures.refusedDry].map((count) => String(count ?? "-")) : []),
    ...(hasStates ? [figures.state || "-"] : []),
  ]);
  const widths = columnWidths(headings, rows, input.width);
  const paint = (text: string, code: number) => (input.colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  const line = (row: readonly string[]) =>
    row
      .map((text, column) => pad(text, widths[column] ?? 0, column))
      .join(GAP)
      .slice(0, input.width);
  return [
    paint(line(headings), 1),
    ...rows.map((row, i) => ((input.now[i]?.serverErrors ?? 0) > 0 ? paint(line(row), 31) : line(row))),
  ];
}

function cells(input: TableInput, figures: VersionFigures, before: VersionFigures | undefined): string[] {
  const rate =
    before === undefined
      ? 0
      : Math.max(0, figures.requests - before.requests) / Math.max(input.seconds, 0.001);
  const ofService = input.now
    .filter((other) => other.service === figures.service)
    .reduce((sum, other) => sum + other.requests, 0);
  return [
    figures.service,
    figures.version,
    String(figures.requests),
    rate.toFixed(1),
    ofService === 0 ? "-" : `${((100 * figures.requests) / ofService).toFixed(1)} %`,
    String(figures.ok),
    String(figures.clientErrors),
    String(figures.serverErrors),
  ];
}

/**
 * Each column is as wide as its widest cell. On a narrow screen the names are shortened, because
 * the figures matter more.
 */
function columnWidths(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
): number[] {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  let excess = widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1)) - width;
  for (let column = 0; column < TEXT_COLUMNS && excess > 0; column++) {
    const cut = Math.min(excess, (widths[column] ?? 0) - 3);
    widths[column] = (widths[column] ?? 0) - cut;
    excess -= cut;
  }
  return widths;
}

function pad(text: string, width: number, column: number): string {
  if (column >= TEXT_COLUMNS) return text.padStart(width);
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}
