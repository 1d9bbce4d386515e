// Headers, trailers and metadata, and the form in which they go into a module and come back.

import type { HeaderList } from "../traffic.js";

/** The most pairs, and the most bytes, that Envoy takes from a module in one call. */
const MAX_PAIRS = 1024;
const MAX_PAIRS_BYTES = 1024 * 1024;

/** Names and values in order. Names that a module writes become lower case, as in Envoy. */
export class HeaderMap {
  readonly entries: [name: string, value: string][];

  constructor(list: HeaderList) {
    this.entries = new Array(list.length);
    for (let i = 0; i < list.length; i++) {
      const [name, value] = list[i] as readonly [string, string];
      this.entries[i] = [name, value];
    }
  }

  /** The number of entries, including repeated names. */
  get size(): number {
    return this.entries.length;
  }

  /** Bytes of all names and values. */
  get bytes(): number {
    return this.entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  }

  /** The first value of that name. */
  get(name: string): string | undefined {
    const key = name.toLowerCase();
    for (const entry of this.entries) if (entry[0] === key) return entry[1];
    return undefined;
  }

  /** All values of that name, joined with commas as in Envoy. */
  joined(name: string): string | undefined {
    let all: string | undefined;
    for (const [other, value] of this.entries)
      if (other === name) all = all === undefined ? value : `${all},${value}`;
    return all;
  }

  /**
   * Changes the first value of that name in its place, or adds one at the end, as Envoy itself sets
   * a header.
   */
  set(name: string, value: string): void {
    for (const entry of this.entries) {
      if (entry[0] === name) {
        entry[1] = value;
        return;
      }
    }
    this.entries.push([name, value]);
  }

  add(name: string, value: string): void {
    this.entries.push([name.toLowerCase(), value]);
  }

  /** Adds a value. If `once` has the name, the value joins the existing one after a comma. */
  addTo(name: string, value: string, once: ReadonlySet<string>): void {
    const key = name.toLowerCase();
    const present = once.has(key) ? this.entries.find(([other]) => other === key) : undefined;
    if (present === undefined) this.entries.push([key, value]);
    else if (value !== "") present[1] = present[1] === "" ? value : `${present[1]},${value}`;
  }

  /** Removes every value of that name and adds one at the end. */
  replace(name: string, value: string): void {
    this.remove(name);
    this.add(name, value);
  }

  remove(name: string): void {
    const key = name.toLowerCase();
    for (let i = this.entries.length - 1; i >= 0; i--) {
      if (this.entries[i]?.[0] === key) this.entries.splice(i, 1);
    }
  }

  setAll(list: HeaderList): void {
    this.entries.length = 0;
    for (const [name, value] of list) this.add(name, value);
  }
}

/** The number of bytes that `writePairs` needs. */
export function pairsSize(list: HeaderList): number {
  let size = 4;
  for (const [name, value] of list) size += 10 + name.length + value.length;
  return size;
}

/**
 * Writes the list in the ABI's form: the count, all sizes, then all names and values, each with a
 * NUL after it.
 */
export function writePairs(list: HeaderList, into: Buffer): void {
  into.writeUInt32LE(list.length, 0);
  let sizes = 4;
  let at = 4 + 8 * list.length;
  for (const [name, value] of list) {
    into.writeUInt32LE(name.length, sizes);
    into.writeUInt32LE(value.length, sizes + 4);
    sizes += 8;
    at += into.write(name, at, "latin1");
    into[at++] = 0;
    at += into.write(value, at, "latin1");
    into[at++] = 0;
  }
}

/**
 * Reads a list that a module wrote. A malformed list, or one over Envoy's limits, is empty, as in
 * Envoy.
 */
export function readPairs(bytes: Buffer): HeaderList {
  if (bytes.length < 4 || bytes.length > MAX_PAIRS_BYTES) return [];
  const count = bytes.readUInt32LE(0);
  let at = 4 + 8 * count;
  if (count > MAX_PAIRS || at > bytes.length) return [];
  const list: [string, string][] = [];
  for (let i = 0; i < count; i++) {
    const nameEnd = at + bytes.readUInt32LE(4 + 8 * i);
    const valueEnd = nameEnd + 1 + bytes.readUInt32LE(8 + 8 * i);
    if (valueEnd >= bytes.length || bytes[nameEnd] !== 0 || bytes[valueEnd] !== 0) return [];
    list.push([bytes.toString("latin1", at, nameEnd), bytes.toString("latin1", nameEnd + 1, valueEnd)]);
    at = valueEnd + 1;
  }
  return at === bytes.length ? list : [];
}
