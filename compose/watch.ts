// Reports when the content of files has changed, in whatever way an editor writes them.

import { type FSWatcher, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";

/** Editors write in several steps. After this time the file has its final content. */
const SETTLE_MS = 80;

/**
 * Calls `onChange`, which must not reject, after the file's content has changed, and never twice at
 * the same time. The folder is watched and not the file, because many editors replace the file by a
 * rename.
 */
export async function watchContent(file: string, onChange: () => Promise<void>): Promise<Disposable> {
  const folders = new FolderWatch((name) => name === file, onChange);
  await folders.remember([file]);
  folders.follow([path.dirname(file)]);
  return folders;
}

/** Watches the files of some folders, without their subfolders. */
export class FolderWatch implements Disposable {
  readonly #isMeant: (file: string) => boolean;
  readonly #onChange: (changed: readonly string[]) => Promise<void>;
  readonly #settleMs: number;
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
   * Watches these folders from now on, and no others. A missing folder is skipped until it is named
   * again.
   */
  follow(folders: Iterable<string>): void {
    const wanted = new Set(folders);
    for (const folder of this.#watchers.keys()) if (!wanted.has(folder)) this.#unfollow(folder);
    for (const folder of wanted) if (!this.#watchers.has(folder)) this.#follow(folder);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.follow([]);
  }

  #follow(folder: string): void {
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name !== null) this.#touch(path.join(folder, name));
      });
      // The folder itself is gone: there is nothing left to report.
      watcher.on("error", () => this.#unfollow(folder));
      this.#watchers.set(folder, watcher);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  #unfollow(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  #touch(file: string): void {
    if (!this.#isMeant(file)) return;
    this.#touched.add(file);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#turn = this.#turn.then(() => this.#look());
    }, this.#settleMs);
  }

  async #look(): Promise<void> {
    const touched = [...this.#touched];
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
