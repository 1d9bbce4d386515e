// The table on circuit-breaker's page: how each rule does on the same traces.

import { loadTrips, type Runs, type TripRule } from "./trips.js";

interface Column {
  readonly title: string;
  readonly rule: TripRule;
  readonly perSecond: number;
  readonly past?: { readonly requests: number; readonly failing: number };
}

/** Only a window depends on how many requests there are in a second. */
const COLUMNS: readonly Column[] = [
  { title: "`consecutive`", rule: "consecutive", perSecond: 100 },
  { title: "`rate`, 100 a second", rule: "rate", perSecond: 100 },
  { title: "`rate`, 2 a second", rule: "rate", perSecond: 2 },
  { title: "`evidence`", rule: "evidence", perSecond: 100 },
  {
    title: "`tolerated: learned`",
    rule: "learned",
    perSecond: 100,
    past: { requests: 10_000, failing: 0.01 },
  },
];
const FAILING = [0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 1];
/** Traces for each row, and requests of each trace. */
const TRACES = 200;
const REQUESTS = 10_000;

/** The lines of the table. They are the same each time: the traces come from seeds. */
export async function tripTable(): Promise<readonly string[]> {
  const run = await loadTrips();
  const rows = FAILING.map((failing) => [
    `${failing * 100} %`,
    ...COLUMNS.map(({ rule, ...traffic }) => shown(run(rule, { failing, ...traffic }, TRACES, REQUESTS))),
  ]);
  const head = ["requests that fail", ...COLUMNS.map(({ title }) => title)];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}

function shown({ tripped, mean }: Runs): string {
  if (tripped === 0) return "none";
  const share = tripped === 1 ? "all" : `${Number((tripped * 100).toFixed(1))} %`;
  return `${share}, after ${Math.round(mean).toLocaleString("en")}`;
}
