// Reads a YAML document.

import { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from "yaml";
import { EntryCollector, type Fault, MAX_DEPTH, type Parsed, type TreeNode } from "./tree.js";

/** Enough to reuse a block, and far too few for a document that doubles itself at every level. */
const MAX_ALIASES = 100;

/** A document of a file. */
export interface YamlDocument {
  readonly root: TreeNode;
  readonly contents: unknown;
  readonly value: () => unknown;
}

interface YamlOptions {
  /** Whether `<<` takes over another mapping's keys. */
  readonly merge?: boolean;
  /** Tags that the caller knows; any other is refused. */
  readonly tags?: readonly string[];
  readonly maxAliases?: number;
}

/** Parses one document. Throws `RangeError` where it is nested too deep for the parser. */
export function parseYaml(text: string): Parsed {
  const parsed = parseYamlDocuments(text);
  if (!parsed.ok) return parsed;
  const [document, second] = parsed.documents;
  if (second !== undefined) {
    const reason = "a second document begins here; keep one per file";
    return { ok: false, faults: [{ offset: second.offset, reason }] };
  }
  if (document === undefined) return { ok: false, faults: [{ reason: "the file is empty" }] };
  return { ok: true, root: document.root, value: document.value };
}

/**
 * Parses every document of a text, at least one. Throws `RangeError` where one is nested too deep
 * for the parser.
 */
export function parseYamlDocuments(
  text: string,
  { merge = false, tags = [], maxAliases = MAX_ALIASES }: YamlOptions = {},
):
  | { readonly ok: false; readonly faults: readonly Fault[] }
  | { readonly ok: true; readonly documents: readonly (YamlDocument & { readonly offset: number })[] } {
  const refused = (...faults: Fault[]) => ({ ok: false, faults }) as const;
  const parsed = parseAllDocuments(text, {
    prettyErrors: false,
    stringKeys: true,
    merge,
    // The library compares each key with all before it. `TreeBuilder` finds the repeated ones.
    uniqueKeys: false,
  });
  const known = (message: string) => tags.some((tag) => message.endsWith(`: ${tag}`));
  const documents: (YamlDocument & { offset: number })[] = [];
  for (const document of Array.isArray(parsed) ? parsed : []) {
    if (document.errors.some((fault) => fault.message.includes("call stack"))) throw new RangeError();
    const wrong = [...document.errors, ...document.warnings.filter(({ message }) => !known(message))];
    if (wrong.length > 0)
      return refused(...wrong.map(({ pos, message }) => ({ offset: pos[0], reason: oneLine(message) })));
    if (document.contents === null) continue;
    const builder = new TreeBuilder();
    const root = builder.node(document.contents, 0);
    if (builder.faults.length > 0) return refused(...builder.faults);
    documents.push({
      root,
      offset: document.range[0],
      contents: document.contents,
      value: () => document.toJS({ maxAliasCount: maxAliases }),
    });
  }
  return documents.length === 0 ? refused({ reason: "the file is empty" }) : { ok: true, documents };
}

class TreeBuilder {
  readonly faults: Fault[] = [];
  /** The nodes that aliases refer to, by their anchors. */
  readonly #anchored = new Map<string, TreeNode>();

  /** @param depth how many nodes are around it */
  node(node: unknown, depth: number): TreeNode {
    const offset = startOf(node);
    // An alias has a place of its own; what is in it is at its target's place.
    if (isAlias(node)) return { ...this.#anchored.get(node.source), offset };
    const built: TreeNode = { offset };
    const anchor = (node as { readonly anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.#anchored.set(anchor, built);
    if (!isMap(node) && !isSeq(node)) return built;
    if (depth === MAX_DEPTH) {
      // What is in it is not looked at.
      this.faults.push({ offset, reason: `nested more than ${MAX_DEPTH} levels deep` });
    } else if (isSeq(node)) {
      built.items = node.items.map((item) => this.node(item, depth + 1));
    } else {
      const collector = new EntryCollector(this.faults);
      for (const { key, value } of node.items) {
        const name = isScalar(key) ? String(key.value) : "";
        // A key without a value has the place of the key.
        collector.add(name, { offset: startOf(key), value: this.node(value ?? key, depth + 1) });
      }
      built.entries = collector.entries;
    }
    return built;
  }
}

function startOf(node: unknown): number {
  return (node as { range?: readonly number[] | null } | null)?.range?.[0] ?? 0;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
