// The metrics that the README lists are the metrics that there are.
//
// The README's section "Metrics" has a table: the first column is a metric's name, the column
// "type" says counter, gauge or histogram (a counter where there is no such column), the column
// "labels" its labels. Words in backticks with `=` are labels with one value, and those without it
// that follow are further values (`outcome=started`, `source=none` or `b3`); in a cell without any
// `=` they are labels of any value (`rule`, `destination`). A row without a name goes on with the
// metric above it.

import { MetricType } from "../host/abi.js";
import type { HostedModule } from "../host/load.js";
import { broken, type Check, shown } from "./check.js";
import { Random } from "./random-documents.js";
import { MARK, marked, ScriptMaker } from "./random-scripts.js";
import { play, scriptOf } from "./script.js";
import type { Subject } from "./subject.js";
import { vocabularyOf } from "./vocabulary.js";

const RANDOM_REQUESTS = 5_000;
const CARDINALITY_REQUESTS = 10_000;
/** New metrics that the second half of the requests may still define: those of rare decisions. */
const LATE_METRICS = 10;
/**
 * Of a name with labels as `metricName` of the SDK writes it, which the bootstrap's `stats_tags`
 * read.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be in a name
const CONVENTION = /^[A-Za-z0-9_.]+(;[A-Za-z0-9_]+=[^;=:\x00-\x1f\x7f]*)*$/;
const TYPES = ["counter", "gauge", "histogram"] as const;
type MetricTypeName = (typeof TYPES)[number];
const NUMBERS = {
  counter: MetricType.Counter,
  gauge: MetricType.Gauge,
  histogram: MetricType.Histogram,
} as const satisfies Record<MetricTypeName, number>;

/** A row of the table. */
interface MetricRow {
  readonly name: string;
  /** What the cell says; none of `TYPES` where it is no type. */
  readonly type: string;
  /** By label; no values: any. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
}

export const metricChecks: readonly Check[] = [
  {
    name: "counts by every metric, label and value that its README lists",
    run(subject) {
      const seen = metricsAtWork(subject);
      for (const row of metricRows(subject.readme)) {
        const found = [...seen].filter(
          ([name, { isUsed }]) => fits(name, row) && (isUsed || row.type === "gauge"),
        );
        const where = `the README lists ${row.name}`;
        if (found.length === 0)
          broken(`${where} with the labels ${shownLabels(row)}, and no request counts by it`);
        for (const [label, values] of row.labels) {
          for (const value of values) {
            if (found.some(([name]) => labelsOf(name).get(label) === value)) continue;
            broken(`${where} with ${label}=${value}, and no request counts by that`);
          }
        }
      }
    },
  },
  {
    name: "has its metrics of the types that its README lists",
    run(subject) {
      const seen = metricsAtWork(subject);
      for (const row of metricRows(subject.readme)) {
        const wanted = TYPES.find((type) => type === row.type);
        if (wanted === undefined)
          broken(`the README lists ${row.name} as ${shown(row.type)}: write ${TYPES.join(", or ")}`);
        for (const [name, { types }] of seen) {
          if (!fits(name, row) || types.every((type) => type === NUMBERS[wanted])) continue;
          const is = TYPES.filter((type) => types.includes(NUMBERS[type])).join(" and ");
          broken(`the README lists ${row.name} as a ${wanted}, and the module defines ${name} as a ${is}`);
        }
      }
    },
  },
  {
    name: "has no metric that its README does not list, and writes labels as the SDK does and its descriptor lists",
    run(subject) {
      const rows = metricRows(subject.readme);
      const seen = [...metricsAtWork(subject).keys()];
      checkLabels(new Set(seen.flatMap((name) => [...labelsOf(name).keys()])), subject.metricLabels);
      for (const name of seen) {
        if (!CONVENTION.test(name))
          broken(`the metric ${shown(name)} is not of the form name;label=value: write it with metricName`);
        if (!rows.some((row) => fits(name, row)))
          broken(
            `the metric ${name} is not in the README's table of metrics: ${rows.map((row) => row.name).join(", ")}`,
          );
      }
    },
  },
  {
    name: "lets no client name a metric",
    run(subject) {
      const random = new Random(subject.seed);
      const maker = new ScriptMaker(vocabularyOf(subject.facts), random);
      for (const configuration of subject.facts.accepted.slice(-3)) {
        const module = subject.bootWith(configuration);
        const serve = (): number => {
          for (let i = subject.amount(CARDINALITY_REQUESTS / 2); i > 0; i--)
            play(module, marked(maker.script(), random));
          return namesOf(module).length;
        };
        const [early, all] = [serve(), serve()];
        const marks = namesOf(module).filter((name) => name.includes(MARK));
        if (marks.length > 0)
          broken(`a client named the metric ${shown(marks[0])}, one of ${marks.length} like it`);
        if (all > early + LATE_METRICS)
          broken(
            `random requests define ever more metrics: ${early}, then ${all}; a proxy keeps each for ever`,
          );
      }
    },
  },
];

/** @param listed those of the descriptor; undefined where there is none that lists any */
function checkLabels(seen: ReadonlySet<string>, listed: readonly string[] | undefined): void {
  if (listed === undefined) return;
  const missing = [...seen].filter((label) => !listed.includes(label));
  if (missing.length > 0) {
    broken(
      `metrics have the label ${missing.join(", ")}, which metricLabels of the descriptor lacks: Envoy's tags would not have it`,
    );
  }
  const unused = listed.filter((label) => !seen.has(label));
  if (unused.length > 0) broken(`metricLabels of the descriptor has ${unused.join(", ")}, and no metric has`);
}

interface MetricAtWork {
  /** Something was counted by it. */
  readonly isUsed: boolean;
  /** As what it was defined. */
  readonly types: readonly number[];
}

/** Every metric that is defined under the requests at hand. */
function metricsAtWork(subject: Subject): ReadonlyMap<string, MetricAtWork> {
  const { accepted, requests } = subject.facts;
  const seen = new Map<string, MetricAtWork>();
  const note = (module: HostedModule): void => {
    for (const name of namesOf(module)) {
      const { metrics } = module.host;
      const isUsed = (metrics.values.get(name) ?? 0) > 0 || (metrics.histograms.get(name) ?? []).length > 0;
      const before = seen.get(name);
      const types = new Set([...metrics.typesOf(name), ...(before?.types ?? [])]);
      seen.set(name, { isUsed: isUsed || before?.isUsed === true, types: [...types] });
    }
  };
  for (const request of requests ?? []) {
    const module = subject.bootWith(request.configuration ?? accepted[0]);
    const { times = 1, failing = {} } = request;
    module.host.intercept = (call) => failing[call];
    for (let i = 0; i < times; i++) play(module, scriptOf(request));
    note(module);
  }
  const random = new Random(subject.seed);
  const maker = new ScriptMaker(vocabularyOf(subject.facts), random);
  for (const configuration of requests === undefined ? accepted : []) {
    const module = subject.bootWith(configuration);
    for (let i = 0; i < RANDOM_REQUESTS / accepted.length; i++) play(module, maker.script());
    note(module);
  }
  return seen;
}

function namesOf({ host }: HostedModule): readonly string[] {
  return [...host.metrics.values.keys(), ...host.metrics.histograms.keys()];
}

/** The rows of the table in the README's section "Metrics". */
export function metricRows(readme: string): readonly MetricRow[] {
  const section = /^## Metrics\n(.*?)(?=^## |$(?![\s\S]))/ms.exec(readme)?.[1] ?? "";
  const [head = [], , ...body] = section
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .map((cell) => cell.trim())
        .slice(1, -1),
    );
  const column = (name: string, cells: readonly string[]) => cells[head.indexOf(name)] ?? "";
  let name = "";
  let type = "";
  return body.map((cells) => {
    const own = quoted(cells[0] ?? "")[0];
    if (own !== undefined) type = "";
    name = own ?? name;
    type = column("type", cells) || type || "counter";
    return {
      name: name.replace(/^wasmcustom\./, ""),
      type,
      labels: labelsIn(column("labels", cells)),
    };
  });
}

function quoted(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? "");
}

function labelsIn(cell: string): ReadonlyMap<string, readonly string[]> {
  const words = quoted(cell);
  const hasValues = words.some((word) => word.includes("="));
  const labels = new Map<string, string[]>();
  let latest = "";
  for (const word of words) {
    const [label = "", value] = word.split("=");
    if (value !== undefined || !hasValues) {
      latest = label;
      labels.set(label, [...(labels.get(label) ?? []), ...(value === undefined ? [] : [value])]);
    } else labels.get(latest)?.push(word);
  }
  return labels;
}

function labelsOf(metric: string): ReadonlyMap<string, string> {
  return new Map(
    metric
      .split(";")
      .slice(1)
      .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
}

/**
 * Whether a metric is what a row says: that name, exactly those labels, and values that it lists.
 */
function fits(metric: string, row: MetricRow): boolean {
  const labels = labelsOf(metric);
  if (metric.split(";")[0] !== row.name || labels.size !== row.labels.size) return false;
  return [...row.labels].every(([label, values]) => {
    const value = labels.get(label);
    return value !== undefined && (values.length === 0 || values.includes(value));
  });
}

function shownLabels({ labels }: MetricRow): string {
  return [...labels].map(([label, values]) => `${label}=${values.join("|") || "…"}`).join(", ") || "(none)";
}
