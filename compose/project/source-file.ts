// Reads one compose file: its documents, and where everything stands in it.

import { readFile, stat } from "node:fs/promises";
import { isAlias, isMap, isScalar, isSeq } from "yaml";
import { LineIndex, offsetOf, type TreeNode } from "../../envoy/document/tree.js";
import { parseYamlDocuments } from "../../envoy/document/yaml.js";
import { checkValue, formatProblem } from "../../envoy/problems.js";
import { refused } from "./problem.js";
import { composeSchema } from "./schema.js";
import { type Dict, isDict } from "./values.js";

const MAX_BYTES = 1024 * 1024;
/** Enough to repeat a block for each service; a document that doubles itself has far more. */
const MAX_ALIASES = 2_000;
const RESET = "!reset";
const OVERRIDE = "!override";

type Path = readonly PropertyKey[];

/** A document of a file. */
export interface Layer {
  readonly value: Dict;
  /** What earlier layers must not have any more, by `!reset` and `!override`. */
  readonly resets: readonly Path[];
  /** `file:line:column` of a part. */
  readonly placeOf: (path: Path) => string;
  /** How many steps of the path the document has. */
  readonly reach: (path: Path) => number;
}

/**
 * Reads a compose file, and checks it against the specification's schema.
 * @param shown the file as messages name it
 * @throws MeshwrightError `configuration`
 */
export async function readLayers(file: string, shown: string): Promise<readonly Layer[]> {
  const text = await readText(file, shown);
  const index = new LineIndex(text);
  const at = (offset: number | undefined) => (offset === undefined ? shown : `${shown}:${index.at(offset)}`);
  try {
    const parsed = parseYamlDocuments(text, {
      tags: [RESET, OVERRIDE],
      maxAliases: MAX_ALIASES,
    });
    if (!parsed.ok) {
      const [first, ...rest] = parsed.faults;
      throw refused(
        at(first?.offset),
        first?.reason ?? "cannot be read",
        rest.map(({ offset, reason }) => `${at(offset)}: ${reason}`),
      );
    }
    return parsed.documents.map(({ root, contents, value }) => {
      const { kept, resets } = withoutReset(value(), contents);
      if (!isDict(kept)) throw refused(at(root.offset), "must be a mapping with services");
      const placeOf = (path: Path) => at(offsetOf(root, path));
      check(kept, placeOf);
      return { value: kept, resets, placeOf, reach: (path) => reach(root, path) };
    });
  } catch (error) {
    if (error instanceof RangeError) throw refused(shown, "nested too deep");
    // The parser's words for aliases that multiply, or that name nothing.
    if (error instanceof ReferenceError) throw refused(shown, error.message.replace(/\s+/g, " ").trim());
    throw error;
  }
}

function check(value: Dict, placeOf: (path: Path) => string): void {
  const checked = checkValue(value, composeSchema());
  if (checked.ok) return;
  const [first, ...rest] = checked.problems;
  if (first === undefined) return;
  throw refused(
    placeOf(first.path),
    formatProblem(first),
    rest.map((problem) => `${placeOf(problem.path)}: ${formatProblem(problem)}`),
  );
}

function reach(root: TreeNode, path: Path): number {
  let node = root;
  for (const [i, step] of path.entries()) {
    const next = node.entries?.get(String(step))?.value ?? node.items?.[Number(step)];
    if (next === undefined) return i;
    node = next;
  }
  return path.length;
}

/** The value without what `!reset` marks, and the places of both marks. */
function withoutReset(value: unknown, node: unknown): { kept: unknown; resets: readonly Path[] } {
  const resets: Path[] = [];
  const walk = (part: unknown, at: unknown, path: Path): unknown => {
    const tag = isAlias(at) ? undefined : (at as { tag?: string } | null)?.tag;
    if (tag === RESET || tag === OVERRIDE) resets.push(path);
    if (tag === RESET) return undefined;
    if (isMap(at) && isDict(part)) {
      const kept: Dict = { ...part };
      for (const { key, value: below } of at.items) {
        const name = isScalar(key) ? String(key.value) : "";
        if (!(name in kept)) continue;
        const item = walk(kept[name], below, [...path, name]);
        if (item === undefined) delete kept[name];
        else kept[name] = item;
      }
      return kept;
    }
    if (isSeq(at) && Array.isArray(part)) {
      return part
        .map((item, i) => walk(item, at.items[i], [...path, i]))
        .filter((item) => item !== undefined);
    }
    return part;
  };
  return { kept: walk(value, node, []), resets };
}

async function readText(file: string, shown: string): Promise<string> {
  try {
    const facts = await stat(file);
    if (facts.isDirectory()) throw refused(shown, "is a folder; name a compose file");
    if (!facts.isFile()) throw refused(shown, "is not a regular file");
    if (facts.size > MAX_BYTES) throw refused(shown, `is larger than 1 MiB (${facts.size} bytes)`);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (error) {
    if (error instanceof TypeError) throw refused(shown, "is not UTF-8 text");
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw refused(shown, "there is no such file");
    if (code === "EACCES") throw refused(shown, "may not be read (permission denied)");
    throw error;
  }
}
