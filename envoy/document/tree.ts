// A document's nodes with their places in the text, the same for YAML and JSON. Every search in it
// is by key or index, so that a file of many keys and many problems is read in one pass.

/** A value's place, and what it has in it. */
export interface TreeNode {
  /** The place of its first character in the text. */
  readonly offset: number;
  /** A mapping's entries by their keys; of a repeated key the first. */
  entries?: ReadonlyMap<string, TreeEntry>;
  /** A sequence's items. */
  items?: readonly TreeNode[];
}

export interface TreeEntry {
  /** The key's place. */
  readonly offset: number;
  readonly value: TreeNode;
}

/** Something in the text that makes the whole document unusable. */
export interface Fault {
  /** Its place; absent where the fault is the file's as a whole. */
  readonly offset?: number;
  readonly reason: string;
}

/** A document, or the reasons why there is none. */
export type Parsed =
  | { readonly ok: true; readonly root: TreeNode; readonly value: () => unknown }
  | { readonly ok: false; readonly faults: readonly Fault[] };

export const MAX_DEPTH = 64;

/** Collects a mapping's entries, and the keys that cannot be used. */
export class EntryCollector {
  readonly entries = new Map<string, TreeEntry>();
  readonly #faults: Fault[];

  /** @param faults receives the faults */
  constructor(faults: Fault[]) {
    this.#faults = faults;
  }

  add(key: string, entry: TreeEntry): void {
    const { offset } = entry;
    if (key === "__proto__") {
      // JavaScript gives it another meaning, and a schema of named things would drop it silently.
      this.#faults.push({ offset, reason: '"__proto__" cannot be a key; use another name' });
    } else if (this.entries.has(key)) {
      this.#faults.push({
        offset,
        reason: `the key ${JSON.stringify(key)} comes twice; keys must be unique`,
      });
    } else {
      this.entries.set(key, entry);
    }
  }
}

/**
 * The place in the text that a path leads to: the value, or the key where the key itself is the
 * problem, or the last node that exists.
 */
export function offsetOf(root: TreeNode, path: readonly PropertyKey[]): number {
  let node = root;
  let { offset } = root;
  for (const step of path) {
    const entry = node.entries?.get(String(step));
    const next = entry?.value ?? node.items?.[Number(step)];
    if (next === undefined) return offset;
    offset = entry?.offset ?? next.offset;
    node = next;
  }
  return offset;
}

/** Finds the lines of a text. */
export class LineIndex {
  readonly #starts: readonly number[];

  constructor(text: string) {
    this.#starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  }

  /** `line:column` of a place, both from 1. */
  at(offset: number): string {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return `${low + 1}:${offset - (this.#starts[low] ?? 0) + 1}`;
  }
}
