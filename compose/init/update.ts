// Adds to a mesh file what its compose project has and it has not. What stands there stays.

import { isMap, isScalar, parse, parseDocument } from "yaml";
import type { FoundMesh, FoundService } from "./facts.js";
import { callLine, namesOf, serviceLines } from "./mesh-yaml.js";

/** A mesh file that exists, as far as it matters here. */
export interface ExistingMesh {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly calls?: readonly string[] | undefined;
        readonly versions: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
      }
    >
  >;
}

export interface Update {
  readonly text: string;
  /** The mesh file names them, and the project does not have them. */
  readonly gone: readonly string[];
}

/**
 * The mesh file with the services that are new, and with the calls that have a reason and are new.
 * A call that only `depends_on` hints at is not added to a service that is there: a person may have
 * removed it.
 */
export function updatedMesh(text: string, existing: ExistingMesh, found: FoundMesh): Update {
  const names = namesInBoth(existing, found);
  const known = new Set(composeNames(existing));
  const here = new Map(found.services.map((service) => [service.compose, service]));
  const added = found.services.filter(({ compose }) => !known.has(compose));
  let updated = text;
  for (const [name, service] of Object.entries(existing.services)) {
    const own = composeNames({ services: { [name]: service } }).flatMap((compose) => here.get(compose) ?? []);
    updated = withCalls(updated, name, newCalls(own, new Set(service.calls), names));
  }
  return {
    text: withServices(updated, added, names),
    gone: [...known].filter((compose) => !here.has(compose)),
  };
}

/** The lines of calls that the file does not have. */
function newCalls(
  services: readonly FoundService[],
  known: ReadonlySet<string>,
  names: ReadonlyMap<string, string>,
): readonly string[] {
  const calls = services.flatMap((service) => service.calls).filter(({ isGuess }) => !isGuess);
  return calls
    .filter(({ service }) => !known.has(names.get(service) ?? ""))
    .map((call) => callLine(call, names));
}

/** Each service by the name that the file has for it, or otherwise by the one that was made. */
function namesInBoth({ services }: ExistingMesh, found: FoundMesh): ReadonlyMap<string, string> {
  const own = Object.entries(services).flatMap(([name, service]) =>
    composeNames({ services: { [name]: service } }).map((compose) => [compose, name] as const),
  );
  return new Map([...namesOf(found), ...own]);
}

function composeNames({ services }: ExistingMesh): readonly string[] {
  return Object.values(services).flatMap(({ versions }) =>
    Object.values(versions).flatMap(({ compose }) => (typeof compose === "string" ? [compose] : [])),
  );
}

/** The text with these lines behind the last call of a service, or with calls of its own. */
function withCalls(text: string, name: string, lines: readonly string[]): string {
  if (lines.length === 0) return text;
  const document = parseDocument(text);
  const service = document.getIn(["services", name], true);
  if (!isMap(service) || service.flow === true) return rewritten(text, name, lines);
  const calls = service.get("calls", true);
  const last = (calls as { items?: readonly { range?: readonly number[] }[] } | undefined)?.items?.at(-1);
  if (last === undefined) {
    const versions = service.items.find(({ key }) => isScalar(key) && key.value === "versions");
    const at = isScalar(versions?.key) ? (versions.key.range?.[0] ?? 0) : 0;
    const indent = " ".repeat(columnOf(text, at));
    const block = ["calls:", ...lines.map((line) => `${indent}  - ${line}`)].join("\n");
    return `${text.slice(0, at)}${block}\n${indent}${text.slice(at)}`;
  }
  if ((calls as { flow?: boolean }).flow === true) return rewritten(text, name, lines);
  const start = last.range?.[0] ?? 0;
  const indent = " ".repeat(columnOf(text, text.lastIndexOf("-", start)));
  const end = lineEnd(text, start);
  return `${text.slice(0, end)}\n${lines.map((line) => `${indent}- ${line}`).join("\n")}${text.slice(end)}`;
}

/** A service that stands on one line has no room for comments. */
function rewritten(text: string, name: string, lines: readonly string[]): string {
  const document = parseDocument(text);
  const calls = ["services", name, "calls"];
  if (!document.hasIn(calls)) document.setIn(calls, document.createNode([], { flow: true }));
  for (const line of lines) document.addIn(calls, parse(line));
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** The text with these services behind the last one. */
function withServices(
  text: string,
  services: readonly FoundService[],
  names: ReadonlyMap<string, string>,
): string {
  if (services.length === 0) return text;
  const document = parseDocument(text);
  const all = document.get("services", true);
  const first = isMap(all) ? all.items[0]?.key : undefined;
  const indent = " ".repeat(isScalar(first) ? columnOf(text, first.range?.[0] ?? 0) : 2);
  const end = isMap(all) ? contentEnd(text, all.range?.[1] ?? text.length) : text.length;
  const block = services
    .map((service) =>
      serviceLines(service, names)
        .map((line) => `${indent}${line}`)
        .join("\n"),
    )
    .join("\n\n");
  return `${text.slice(0, end)}\n\n${block}${text.slice(end)}`;
}

function columnOf(text: string, at: number): number {
  return at - (text.lastIndexOf("\n", at - 1) + 1);
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

/** The end of the last line with anything before this place. */
function contentEnd(text: string, at: number): number {
  return lineEnd(text, text.slice(0, at).trimEnd().length - 1);
}
