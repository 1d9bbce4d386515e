// Tells when a file has got another content, whichever way an editor writes it.

import { watch } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";

/** Editors write in several steps; what they leave after this time is what was meant. */
const SETTLE_MS = 80;

/**
 * Calls `onChange` after the file's content has changed, and never twice at a time. The folder is watched and not the file, since many editors
 * rename a new file into the place of the old one.
 */
export async function watchContent(file: string, onChange: () => Promise<void>): Promise<Disposable> {
  let seen = await contentOf(file);
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> = Promise.resolve();
  const look = async () => {
    const content = await contentOf(file);
    if (content === seen) return;
    seen = content;
    await onChange();
  };
  const watcher = watch(path.dirname(file), (_event, name) => {
    if (name !== null && name !== path.basename(file)) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      turn = turn.then(look);
    }, SETTLE_MS);
  });
  // The folder itself is gone: there is nothing left to tell.
  watcher.on("error", () => watcher.close());
  return {
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      watcher.close();
    },
  };
}

/** As latin1, in which every content has a form; undefined where there is no file. */
function contentOf(file: string): Promise<string | undefined> {
  return readFile(file, "latin1").catch(() => undefined);
}
