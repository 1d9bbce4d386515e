// A module's report in words.

import type { InspectedImport, ModuleReport } from "./inspect.js";

const LABEL_WIDTH = 12;
const WIDTH = 100;

/** The lines below a module's name: figures first, what Envoy makes of it last. */
export function describeReport(report: ModuleReport): readonly string[] {
  const unlinked = report.imports.filter((each) => !each.linked);
  return [
    row("ABI", report.abi ?? "no marker"),
    row("size", `${count(report.bytes)} bytes: ${sectionText(report)}`),
    row("made by", makers(report)),
    row("allocator", report.allocator ?? "none"),
    row("memory", memoryText(report)),
    row("start", startText(report)),
    row("imports", `${report.imports.length - unlinked.length} that stock Envoy links`),
    ...importRows(report.imports.filter((each) => each.linked)),
    ...(unlinked.length === 0
      ? []
      : [row("", `${unlinked.length} that it does not link`), ...importRows(unlinked)]),
    row("callbacks", `${report.callbacks.length}: ${list(report.callbacks.map(shortName))}`),
    ...(report.leftOut.length === 0
      ? []
      : [row("left out", `${list(report.leftOut.map(shortName))}: settings that need them are refused`)]),
    ...report.unknownCallbacks.map((name) =>
      row("", `${name} is not a callback that Envoy knows, and is never called`),
    ),
  ].flatMap((text) => text.split("\n"));
}

/** The verdict on a file in one line. */
export function verdict(refusals: readonly string[]): string {
  const [first, ...others] = refusals;
  if (first === undefined) return "stock Envoy would load it";
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return `stock Envoy refuses it because ${first}${more}`;
}

/** A line for each supported release of Envoy whose verdict differs from that of the one in use. */
export function otherVerdicts({ otherReleases }: ModuleReport): readonly string[] {
  return Object.entries(otherReleases).map(([release, [first, ...others]]) => {
    if (first === undefined) return `stock Envoy ${release} would load it`;
    const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
    return `stock Envoy ${release} refuses it because ${first}${more}`;
  });
}

/** A label and its text. Text that does not fit continues on the next line, below itself. */
function row(label: string, text: string): string {
  const indent = " ".repeat(LABEL_WIDTH + 2 + (/^ */.exec(text)?.[0].length ?? 0));
  const lines: string[] = [];
  let line = `  ${label.padEnd(LABEL_WIDTH)}`;
  for (const word of text.split(/(?<=\S) /)) {
    if (line.trim() !== "" && line.length + word.length > WIDTH && line.trim() !== label) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].join("\n");
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function list(texts: readonly string[]): string {
  return texts.length === 0 ? "none" : texts.join(", ");
}

function sectionText({ sections }: ModuleReport): string {
  const sizes = new Map<string, number>();
  for (const { name, bytes } of sections) sizes.set(name, (sizes.get(name) ?? 0) + bytes);
  const largest = [...sizes].sort(([, a], [, b]) => b - a);
  return list(largest.map(([name, bytes]) => `${printable(name)} ${count(bytes)}`));
}

function makers({ producers, functionNames, sourceMapUrl }: ModuleReport): string {
  const named = producers.map(({ name, version }) => printable(`${name} ${version}`.trim()));
  return [
    named.length === 0 ? "unknown: it does not say" : list(named),
    functionNames === 0 ? "no names of functions" : `names of ${count(functionNames)} functions`,
    ...(sourceMapUrl === null ? [] : [`source map ${printable(sourceMapUrl)}`]),
  ].join("; ");
}

function memoryText({ memory }: ModuleReport): string {
  if (memory === null) return "none that Envoy can reach";
  const limit = memory.maximumPages === null ? "no limit" : `at most ${count(memory.maximumPages)}`;
  return `${count(memory.initialPages)} pages of 64 KiB to start with, ${limit}`;
}

function startText({ start }: ModuleReport): string {
  if (start.functions.length === 0) return "nothing runs";
  const others = (calls: readonly string[], known: readonly string[]) =>
    calls.filter((call) => !known.includes(call));
  const possible = others(start.possible, start.certain);
  const indirect = others(start.indirect, start.possible);
  const parts = [
    ...(start.certain.length === 0 ? [] : [`calls ${list(start.certain)}`]),
    ...(possible.length === 0 ? [] : [`may call ${list(possible)}`]),
    ...(indirect.length === 0 ? [] : [`through a table perhaps ${list(indirect)}`]),
  ];
  return `${start.functions.join(", then ")}: ${parts.length === 0 ? "calls no host function" : parts.join("; ")}`;
}

/** A row for each module that is imported from. */
function importRows(imports: readonly InspectedImport[]): readonly string[] {
  const modules = [...new Set(imports.map((each) => each.module))];
  return modules.map((module) => {
    const names = imports.filter((each) => each.module === module).map((each) => printable(each.name));
    return row("", `  ${printable(module)}: ${list(names)}`);
  });
}

function shortName(callback: string): string {
  return callback.replace(/^proxy_(on_)?/, "");
}

/** Names come from the file, so a terminal must get them as plain text only. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
