// Reads from Envoy's log, line by line, what filters write and how they trap.

import { entryStart } from "./envoy-log.js";

/** A function that was running when a filter trapped. */
export interface LoggedFrame {
  /** A byte of the module. */
  readonly offset: number;
  readonly function: string;
}

export type FilterLogEntry =
  | { readonly kind: "line"; readonly filter: string; readonly level: string; readonly text: string }
  | {
      readonly kind: "trap";
      /** The ABI name of the callback that trapped. */
      readonly callback: string;
      readonly reason: string;
      /** The innermost first; empty for a module without names. */
      readonly frames: readonly LoggedFrame[];
      /** What the filter wrote last, with its name: an abort says there why. */
      readonly last?: { readonly filter: string; readonly text: string };
    };

interface RawEntry {
  readonly thread: string;
  readonly level: string;
  readonly component: string;
  text: string;
}

type WrittenLine = Extract<FilterLogEntry, { readonly kind: "line" }>;

/** An entry is complete when the next one begins, or after this silence. */
const SILENCE_MS = 100;
/** Of a longer entry the rest is dropped. */
const MAX_ENTRY = 8_192;

/** `wasm log PLUGIN ROOT_ID VM_ID: TEXT`; empty names are left out. */
const WRITTEN = /^wasm log ?([^: ]*)[^:]*: (.*)$/s;
const TRAPPED = /^Function: (\S+) failed: (?:Uncaught )?([^\n]*)(.*)$/s;
const FRAME = /^\s*\d+:\s+0x([0-9a-f]+) - (.*)$/gm;
const REFUSED = /config update (?:rejected|failure)/;

export class FilterLogReader {
  readonly #onEntry: (entry: FilterLogEntry) => void;
  #entry: RawEntry | undefined;
  /** By thread, the lines of filters that what follows may explain. */
  readonly #held = new Map<string, WrittenLine[]>();
  #timer: NodeJS.Timeout | undefined;

  /** @param onEntry must not throw */
  constructor(onEntry: (entry: FilterLogEntry) => void) {
    this.#onEntry = onEntry;
  }

  /** @param line of Envoy's log, without its end */
  write(line: string): void {
    const match = entryStart.exec(line);
    if (match === null) {
      if (this.#entry !== undefined && this.#entry.text.length < MAX_ENTRY) this.#entry.text += `\n${line}`;
    } else {
      this.#complete();
      const [, thread = "", level = "", component = "", text = ""] = match;
      this.#entry = { thread, level, component, text };
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), SILENCE_MS).unref();
  }

  /** Passes on what is still held back. */
  flush(): void {
    this.#complete();
    for (const thread of [...this.#held.keys()]) this.#release(thread);
  }

  #complete(): void {
    const entry = this.#entry;
    this.#entry = undefined;
    if (entry === undefined) return;
    const { thread, level, component, text } = entry;
    const [, filter, written] = (component === "wasm" && WRITTEN.exec(text)) || [];
    if (filter !== undefined && written !== undefined) {
      this.#held.set(thread, [
        ...(this.#held.get(thread) ?? []),
        { kind: "line", filter, level, text: written },
      ]);
      return;
    }
    const [, callback, reason, rest = ""] = (component === "wasm" && TRAPPED.exec(text)) || [];
    // A refused configuration is told by whoever gave it, in the filter's own words.
    if (REFUSED.test(text)) {
      this.#release(thread, (line) => line.level !== "error");
      return;
    }
    const last = reason === undefined ? undefined : this.#held.get(thread)?.at(-1);
    this.#release(thread, (line) => line !== last || line.level !== "critical");
    if (callback === undefined || reason === undefined) return;
    const frames = [...rest.matchAll(FRAME)].map(([, offset = "", name = ""]) => ({
      offset: Number.parseInt(offset, 16),
      function: name,
    }));
    const words = last?.level === "critical" ? { last: { filter: last.filter, text: last.text } } : {};
    this.#onEntry({ kind: "trap", callback, reason, frames, ...words });
  }

  #release(thread: string, isWanted: (line: WrittenLine) => boolean = () => true): void {
    const held = this.#held.get(thread) ?? [];
    this.#held.delete(thread);
    for (const line of held) if (isWanted(line)) this.#onEntry(line);
  }
}
