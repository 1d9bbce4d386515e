// Reports when the content of files has changed, in whatever way an editor writes them, and
// wherever symbolic links lead: to a file or a folder that changes, or to another one after the
// link itself was replaced, as Kubernetes does where it mounts a ConfigMap.

import { type FSWatcher, readdirSync, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { trailOf } from "./link-trail.js";

/** Editors write in several steps. After this time the file has its final content. */
const SETTLE_MS = 80;

/**
 * Calls `onChange`, which must not reject, after the file's content has changed, and never twice at
 * the same time. Folders are watched and not the file, because many editors replace the file by a
 * rename.
 * @param file an absolute path
 */
export async function watchContent(file: string, onChange: () => Promise<void>): Promise<Disposable> {
  const folders = new FolderWatch((name) => name === file, onChange);
  await folders.remember([file]);
  folders.follow([path.dirname(file)]);
  return folders;
}

/** What the events of one folder, named without links, mean. */
class Meaning {
  /** The names by which this folder is followed. */
  readonly folders = new Set<string>();
  /** By a name in this folder, the followed files and folders whose path leads over it. */
  readonly over = new Map<string, Set<string>>();
}

/** Watches the files of some folders, without their subfolders. */
export class FolderWatch implements Disposable {
  readonly #isMeant: (file: string) => boolean;
  readonly #onChange: (changed: readonly string[]) => Promise<void>;
  readonly #settleMs: number;
  #folders: ReadonlySet<string> = new Set();
  /** The folders that must be watched for these, by their paths without links. */
  #meanings: ReadonlyMap<string, Meaning> = new Map();
  readonly #watchers = new Map<string, FSWatcher>();
  /** The content of the files when they were last read. */
  readonly #seen = new Map<string, string | undefined>();
  #touched = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();

  /**
   * @param isMeant says by its absolute path whether a file matters; also called for new files
   * @param onChange called with the files whose content has changed, never twice at the same time;
   * must not reject
   * @param settleMs how long after the last write files are read, in milliseconds
   */
  constructor(
    isMeant: (file: string) => boolean,
    onChange: (changed: readonly string[]) => Promise<void>,
    settleMs = SETTLE_MS,
  ) {
    this.#isMeant = isMeant;
    this.#onChange = onChange;
    this.#settleMs = settleMs;
  }

  /**
   * Remembers the files' current content. For a file that is not known, the first write counts as a
   * change.
   */
  async remember(files: Iterable<string>): Promise<void> {
    await Promise.all([...files].map(async (file) => this.#seen.set(file, await contentOf(file))));
  }

  /**
   * Watches these folders from now on, and no others. A missing one is watched as soon as it is
   * there.
   * @param folders absolute paths
   */
  follow(folders: Iterable<string>): void {
    this.#folders = new Set(folders);
    this.#refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.follow([]);
  }

  /** Links lead elsewhere after they were replaced, so this runs before each look at the files. */
  #refresh(): void {
    this.#meanings = this.#findMeanings();
    for (const folder of this.#watchers.keys()) if (!this.#meanings.has(folder)) this.#unwatch(folder);
    for (const folder of this.#meanings.keys()) if (!this.#watchers.has(folder)) this.#watch(folder);
  }

  #findMeanings(): ReadonlyMap<string, Meaning> {
    const meanings = new Map<string, Meaning>();
    const meaningOf = (folder: string) => {
      const meaning = meanings.get(folder) ?? new Meaning();
      meanings.set(folder, meaning);
      return meaning;
    };
    const lead = (place: string) => {
      const { points, real } = trailOf(place);
      for (const { folder, name } of points) {
        const { over } = meaningOf(folder);
        over.set(name, (over.get(name) ?? new Set()).add(place));
      }
      return real;
    };
    for (const folder of this.#folders) {
      const real = lead(folder);
      if (real === undefined) continue;
      meaningOf(real).folders.add(folder);
      for (const link of linksIn(real)) {
        const file = path.join(folder, link);
        if (this.#isMeant(file)) lead(file);
      }
    }
    return meanings;
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, (event, name) => this.#tell(folder, event, name));
      // The folder itself is gone. Those above it report when it is there again.
      watcher.on("error", () => this.#unwatch(folder));
      this.#watchers.set(folder, watcher);
    } catch (error) {
      // A folder above a followed one may be closed to this user, and is then taken for steady.
      const { code = "" } = error as NodeJS.ErrnoException;
      if (!["ENOENT", "ENOTDIR", "EACCES", "EPERM"].includes(code)) throw error;
    }
  }

  #unwatch(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  /** A folder that is made again is another one, even at the same path. */
  #unwatchBelow(place: string): void {
    for (const folder of this.#watchers.keys()) {
      if (folder === place || folder.startsWith(place + path.sep)) this.#unwatch(folder);
    }
  }

  /** @param name what has changed in the folder; null where the system does not say it */
  #tell(folder: string, event: "rename" | "change", name: string | null): void {
    if (event === "rename" && name !== null) this.#unwatchBelow(path.join(folder, name));
    const { folders, over } = this.#meanings.get(folder) ?? new Meaning();
    const names = name === null ? namesIn(folder) : [name];
    for (const each of names) {
      for (const followed of folders) this.#touch(path.join(followed, each));
      for (const place of over.get(each) ?? []) this.#touch(place);
    }
  }

  #touch(place: string): void {
    if (!this.#folders.has(place) && !this.#isMeant(place)) return;
    this.#touched.add(place);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#turn = this.#turn.then(() => this.#look());
    }, this.#settleMs);
  }

  /** The files that may have changed: those touched, and all in a folder that was replaced. */
  #suspects(): readonly string[] {
    const known = [...this.#seen.keys()];
    const files = [...this.#touched].flatMap((place) => {
      if (!this.#folders.has(place)) return [place];
      const present = namesIn(place).map((name) => path.join(place, name));
      return [...known.filter((file) => path.dirname(file) === place), ...present.filter(this.#isMeant)];
    });
    return [...new Set(files)];
  }

  async #look(): Promise<void> {
    this.#refresh();
    const touched = this.#suspects();
    this.#touched = new Set();
    const contents = await Promise.all(touched.map(contentOf));
    const changed = touched.filter(
      (file, i) => !this.#seen.has(file) || this.#seen.get(file) !== contents[i],
    );
    for (const [i, file] of touched.entries()) this.#seen.set(file, contents[i]);
    if (changed.length > 0) await this.#onChange(changed);
  }
}

/** The content as latin1, which can represent any bytes; undefined where there is no file. */
function contentOf(file: string): Promise<string | undefined> {
  return readFile(file, "latin1").catch(() => undefined);
}

function linksIn(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => name);
  } catch {
    return [];
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
