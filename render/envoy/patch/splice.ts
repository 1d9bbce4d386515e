// Changes the text of a YAML or JSON document where its value changes, and nowhere else: comments,
// quotes, order and indentation of everything else stay as a person wrote them.

import { isDeepStrictEqual } from "node:util";
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { toYaml } from "../../../envoy/config/yaml.js";
import type { Origins } from "./origins.js";

/** Why a place cannot be changed. */
export class Unspliceable extends Error {
  constructor(
    readonly offset: number,
    reason: string,
  ) {
    super(reason);
  }
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

export interface SpliceOptions {
  readonly text: string;
  /** Parsed from `text`, with its source tokens. */
  readonly document: Document;
  readonly origins: Origins;
  /** A line above an item that is new in a list. */
  readonly commentOf: (item: unknown) => string | undefined;
}

/**
 * The text whose value is `after`, where the document's is `before`. Lists may have new items, and
 * none removed. A mapping from which a key is removed is written anew.
 * @throws Unspliceable for a value that an alias stands for
 */
export function splice(options: SpliceOptions, before: unknown, after: unknown): string {
  const edits: Edit[] = [];
  new Splicer(options, edits).value(options.document.contents, before, after);
  let { text } = options;
  for (const { from, to, text: put } of edits.toSorted((a, b) => b.from - a.from)) {
    text = text.slice(0, from) + put + text.slice(to);
  }
  return text;
}

class Splicer {
  constructor(
    private readonly options: SpliceOptions,
    private readonly edits: Edit[],
  ) {}

  value(node: unknown, before: unknown, after: unknown): void {
    if (before === after || isDeepStrictEqual(before, after)) return;
    if (isAlias(node)) {
      throw new Unspliceable(
        startOf(node),
        `*${node.source} stands for a part that would change here alone: write it out in place of the alias`,
      );
    }
    if (isMap(node) && isObject(before) && isObject(after)) this.#map(node, before, after);
    else if (isSeq(node) && Array.isArray(before) && Array.isArray(after)) this.#list(node, before, after);
    else if (isScalar(node) && !isObject(after)) this.#replace(node, JSON.stringify(after));
    else throw new Unspliceable(startOf(node), "has another form than its place needs: write it out");
  }

  #map(node: YAMLMap, before: Record<string, unknown>, after: Record<string, unknown>): void {
    if (Object.keys(before).some((key) => !Object.hasOwn(after, key))) {
      this.#rewrite(node, after);
      return;
    }
    for (const [key, value] of Object.entries(after)) {
      const pair = node.items.find((each) => isScalar(each.key) && String(each.key.value) === key);
      if (pair === undefined) this.#addKey(node, key, value);
      else this.value(pair.value, before[key], value);
    }
  }

  /** A part that is ours alone: nothing of its text is kept. */
  #rewrite(node: YAMLMap, after: object): void {
    const from = startOf(node);
    if (node.flow) {
      this.edits.push({ from, to: this.#flowEnd(node), text: JSON.stringify(after) });
      return;
    }
    const indent = " ".repeat(this.#column(from));
    const text = toYaml(after).trimEnd().split("\n").join(`\n${indent}`);
    this.edits.push({ from, to: this.#endOf(node), text: `${text}\n` });
  }

  #addKey(node: YAMLMap, key: string, value: unknown): void {
    if (node.flow) {
      const last = node.items.at(-1);
      const text = `${JSON.stringify(key)}: ${JSON.stringify(value)}`;
      const at = last === undefined ? startOf(node) + 1 : this.#flowEnd(last.value ?? last.key);
      this.#insert(at, last === undefined ? text : `, ${text}`);
      return;
    }
    const column = this.#column(startOf(node.items[0]?.key));
    const lines = toYaml({ [key]: value })
      .trimEnd()
      .split("\n");
    this.#insertLines(this.#endOf(node), lines, column);
  }

  #list(node: YAMLSeq, before: readonly unknown[], after: readonly unknown[]): void {
    const { origins } = this.options;
    let at = 0;
    for (const item of after) {
      const index = before.indexOf(origins.of(item));
      if (index >= at) {
        this.value(node.items[index], before[index], item);
        at = index + 1;
      } else this.#addItem(node, at, item);
    }
  }

  /** @param index the item before which it comes; the list's length for the end */
  #addItem(node: YAMLSeq, index: number, item: unknown): void {
    const next = node.items[index];
    if (node.flow) {
      const text = JSON.stringify(item);
      if (next !== undefined) this.#insert(startOf(next), `${text}, `);
      else if (node.items.length === 0) this.#insert(startOf(node) + 1, text);
      else this.#insert(this.#flowEnd(node.items.at(-1)), `, ${text}`);
      return;
    }
    const dash = this.#dashOf(node, next === undefined ? node.items.length - 1 : index);
    const comment = this.options.commentOf(item);
    const lines = toYaml([item]).trimEnd().split("\n");
    const at = next === undefined ? this.#endOf(node) : this.#above(dash);
    this.#insertLines(at, [...(comment === undefined ? [] : [`# ${comment}`]), ...lines], this.#column(dash));
  }

  #dashOf(node: YAMLSeq, index: number): number {
    const token = node.srcToken;
    const starts = token !== undefined && "items" in token ? token.items[index]?.start : undefined;
    const dash = starts?.find(({ type }) => type === "seq-item-ind");
    const offset = dash?.offset ?? startOf(node);
    if (/\S/.test(this.options.text.slice(this.#lineStart(offset), offset))) {
      throw new Unspliceable(offset, "begins within a line; begin the list on a line of its own");
    }
    return offset;
  }

  /** The start of an item's first line, or of the comments directly above it at its column. */
  #above(dash: number): number {
    const column = this.#column(dash);
    let at = this.#lineStart(dash);
    while (at > 0) {
      const line = this.#lineStart(at - 1);
      const text = this.options.text.slice(line, at);
      if (text.search(/\S/) !== column || text[column] !== "#") break;
      at = line;
    }
    return at;
  }

  /** Where the line ends that a block ends in. */
  #endOf(node: unknown): number {
    let last = node;
    while ((isMap(last) || isSeq(last)) && !last.flow && last.items.length > 0) {
      const item: unknown = last.items.at(-1);
      last = isMap(last) ? (valueIn(item) ?? keyIn(item)) : item;
    }
    const { text } = this.options;
    const end = isNode(last) ? (last.range?.[1] ?? 0) : 0;
    if (text[end - 1] === "\n") return end;
    const line = text.indexOf("\n", end);
    return line === -1 ? text.length : line + 1;
  }

  #flowEnd(node: unknown): number {
    return isNode(node) ? (node.range?.[1] ?? 0) : 0;
  }

  #insertLines(at: number, lines: readonly string[], column: number): void {
    const { text } = this.options;
    const gap = at > 0 && text[at - 1] !== "\n" ? "\n" : "";
    const indent = " ".repeat(column);
    this.#insert(at, `${gap}${lines.map((line) => (line === "" ? "" : `${indent}${line}`)).join("\n")}\n`);
  }

  #insert(at: number, text: string): void {
    // Later inserts at the same place come after this one.
    const same = this.edits.findIndex(({ from, to }) => from === at && to === at);
    const before = this.edits[same];
    if (before === undefined) this.edits.push({ from: at, to: at, text });
    else this.edits[same] = { ...before, text: before.text + text };
  }

  #replace(node: Node, text: string): void {
    this.edits.push({ from: startOf(node), to: node.range?.[1] ?? startOf(node), text });
  }

  #column(offset: number): number {
    return offset - this.#lineStart(offset);
  }

  #lineStart(offset: number): number {
    return offset === 0 ? 0 : this.options.text.lastIndexOf("\n", offset - 1) + 1;
  }
}

function valueIn(pair: unknown): unknown {
  return (pair as { readonly value?: unknown }).value;
}

function keyIn(pair: unknown): unknown {
  return (pair as { readonly key?: unknown }).key;
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
