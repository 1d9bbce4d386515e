// The README lists exactly the metrics that the filter has.
//
// The README's section "Metrics" has a table. The first column is a metric's name. The column
// "type" says counter, gauge or histogram; without that column the metric is a counter. The column
// "labels" lists its labels. A word in backticks with `=` is a label with one value, and words
// without `=` after it are further values (`outcome=started`, `source=none` or `b3`). In a cell
// without any `=` the words are labels with any value (`rule`, `destination`). A row without a name
// continues the metric above it.

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
/** New metrics that the second half of the requests may still define, for rare decisions. */
const LATE_METRICS = 10;
/** A name with labels as the SDK's `metricName` writes it. The bootstrap's `stats_tags` read it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a name must not have these
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
  /** The cell's text, which may not be one of `TYPES`. */
  readonly type: string;
  /** Values by label. A label without values may have any. */
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
          broken(`${where} with the labels ${shownLabels(row)}, but no request counts by it`);
        for (const [label, values] of row.labels) {
          for (const value of values) {
            if (found.some(([name]) => labelsOf(name).get(label) === value)) continue;
            broken(`${where} with ${label}=${value}, but no request counts by that`);
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
          broken(`the README lists ${row.name} as a ${wanted}, but the module defines ${name} as a ${is}`);
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
            `random requests define more and more metrics: ${early}, then ${all}; a proxy keeps each for ever`,
          );
      }
    },
  },
];

/** @param listed the descriptor's labels; undefined when no descriptor lists any */
function checkLabels(seen: ReadonlySet<string>, listed: readonly string[] | undefined): void {
  if (listed === undefined) return;
  const missing = [...seen].filter((label) => !listed.includes(label));
  if (missing.length > 0) {
    broken(
      `metrics have the label ${missing.join(", ")}, which metricLabels of the descriptor lacks: Envoy's tags would not have it`,
    );
  }
  const unused = listed.filter((label) => !seen.has(label));
  if (unused.length > 0)
    broken(`metricLabels of the descriptor lists ${unused.join(", ")}, which no metric has`);
}

interface MetricAtWork {
  /** Whether a request counted by it. */
  readonly isUsed: boolean;
  /** The types with which it was defined. */
  readonly types: readonly number[];
}

/** Every metric that the module defines while it serves the known requests. */
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
 * Whether a metric matches a row: the same name, exactly the same labels, and values that the row
 * lists.
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
