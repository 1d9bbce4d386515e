// Reads a YAML document.

import { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from "yaml";
import { EntryCollector, type Fault, MAX_DEPTH, type Parsed, type TreeEntry, type TreeNode } from "./tree.js";

/** Enough to reuse a block, and far too few for a document that doubles itself at every level. */
const MAX_ALIASES = 100;
/** Most values of a document whose merge keys are written out: a file of 1 MiB has fewer. */
const MAX_MERGED = 1_000_000;
const MERGE_KEY = "<<";

/** A document of a file. */
export interface YamlDocument {
  readonly root: TreeNode;
  readonly contents: unknown;
  readonly value: () => unknown;
}

interface YamlOptions {
  /** Tags that the caller knows; any other is refused. */
  readonly tags?: readonly string[];
  readonly maxAliases?: number;
}

/**
 * Parses one document, in which `<<` takes over another mapping's keys. Throws `RangeError` where
 * it is nested too deep for the parser.
 */
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
  { tags = [], maxAliases = MAX_ALIASES }: YamlOptions = {},
):
  | { readonly ok: false; readonly faults: readonly Fault[] }
  | { readonly ok: true; readonly documents: readonly (YamlDocument & { readonly offset: number })[] } {
  const refused = (...faults: Fault[]) => ({ ok: false, faults }) as const;
  const parsed = parseAllDocuments(text, {
    prettyErrors: false,
    stringKeys: true,
    merge: true,
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
  /** How many values a mapping stands for that merges others, with these written out. */
  readonly #merged = new Map<TreeNode, number>();

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
      const merged: TreeNode[] = [];
      for (const { key, value } of node.items) {
        const name = isScalar(key) ? String(key.value) : "";
        // A key without a value has the place of the key.
        const entry = { offset: startOf(key), value: this.node(value ?? key, depth + 1) };
        if (isMergeKey(key)) merged.push(...this.#sources(entry));
        collector.add(name, entry);
      }
      built.entries = withMerged(collector.entries, merged);
      if (merged.length > 0) this.#count(built, offset);
    }
    return built;
  }

  /** The mappings whose keys a merge key takes over: one, or a list of them. */
  #sources({ offset, value }: TreeEntry): readonly TreeNode[] {
    const sources = value.items ?? [value];
    // A mapping that is not complete yet is one around this key.
    if (sources.some(({ entries }) => entries === undefined)) {
      this.faults.push({ offset, reason: "<< takes a mapping, or a list of them; write <<: *NAME" });
    }
    return sources;
  }

  /** Mappings that merge others which do so can multiply at every level. */
  #count(mapping: TreeNode, offset: number): void {
    const size = this.#sizeOf(mapping);
    this.#merged.set(mapping, size);
    if (size > MAX_MERGED) this.faults.push({ offset, reason: "merges more than a million values" });
  }

  #sizeOf(node: TreeNode): number {
    const known = this.#merged.get(node);
    if (known !== undefined) return known;
    const parts = [...(node.items ?? []), ...[...(node.entries?.values() ?? [])].map(({ value }) => value)];
    const size = parts.reduce((sum, part) => sum + this.#sizeOf(part), 1);
    if (parts.length > 0) this.#merged.set(node, size);
    return size;
  }
}

/** A quoted `<<` is a key like any other. */
function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === "PLAIN" && key.value === MERGE_KEY;
}

/** A mapping's own keys, and behind them those that it takes over. The first of a name counts. */
function withMerged(
  own: ReadonlyMap<string, TreeEntry>,
  sources: readonly TreeNode[],
): ReadonlyMap<string, TreeEntry> {
  if (sources.length === 0) return own;
  const all = new Map(own);
  for (const { entries = new Map<string, TreeEntry>() } of sources) {
    for (const [name, entry] of entries) if (!all.has(name)) all.set(name, entry);
  }
  return all;
}

function startOf(node: unknown): number {
  return (node as { range?: readonly number[] | null } | null)?.range?.[0] ?? 0;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
