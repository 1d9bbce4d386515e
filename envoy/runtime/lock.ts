// A lock that one process of this machine has at a time, by the kernel's lock of an open file. The
// kernel releases it when its holder ends, however it ends. So there are no stale locks, and nobody
// has to guess from a process number or a time. The file's content is for people.

import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { MeshwrightError } from "../errors.js";
import { makeFolder } from "./folder.js";

/** A lock that this process holds. Disposing of it releases it and removes its file. */
export interface Lock extends Disposable {
  /** Absolute. */
  readonly file: string;
}

export interface WaitOptions {
  /**
   * Called once, with one line that names the holder, when the wait takes long. Default: writes it
   * to standard error.
   */
  readonly onWaiting?: (line: string) => void;
  /** How long the wait may take before `onWaiting` is called, in milliseconds. Default: 5,000. */
  readonly tellAfterMs?: number;
}

const POLL_MS = 20;
const TELL_AFTER_MS = 5_000;
/** Errors of making a folder that is removed meanwhile. They also come where it cannot be made. */
const VANISHED: ReadonlySet<string> = new Set(["ENOENT", "EEXIST"]);
const MAX_ATTEMPTS = 100;

/**
 * Takes the lock, or returns undefined while another holder has it, in this process or any other.
 * Makes the file and its folders.
 * @throws MeshwrightError `configuration` where the file cannot be made, `tool-missing` where this
 * system has no such locks
 */
export async function tryLock(file: string): Promise<Lock | undefined> {
  const lockFile = await kernelLock();
  const absolute = path.resolve(file);
  for (;;) {
    const fd = await open(absolute);
    if (!lockFile(fd)) {
      closeSync(fd);
      return undefined;
    }
    if (isFileOf(fd, absolute)) return holding(fd, absolute);
    // The last holder has removed the file since it was opened. Another process may lock a new
    // file.
    closeSync(fd);
  }
}

/**
 * Waits until nobody else has the lock, then takes it. A holder that hangs or is stopped keeps it.
 * @throws MeshwrightError as `tryLock` does
 */
export async function waitForLock(file: string, options: WaitOptions = {}): Promise<Lock> {
  const { onWaiting = tellOnStandardError, tellAfterMs = TELL_AFTER_MS } = options;
  const tellAt = performance.now() + tellAfterMs;
  let isTold = false;
  for (;;) {
    const lock = await tryLock(file);
    if (lock !== undefined) return lock;
    if (!isTold && performance.now() >= tellAt) {
      isTold = true;
      onWaiting(
        `waiting for the lock ${file}, held by ${describeHolder(file)}: end that process if it hangs`,
      );
    }
    await delay(POLL_MS);
  }
}

/**
 * The holder of the lock, for a sentence: `pid 4711`, or `another process` where the file does not
 * name it.
 */
export function describeHolder(file: string): string {
  const pid = holderOf(file);
  return pid === undefined ? "another process" : `pid ${pid}`;
}

function holderOf(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    return pid > 0 ? pid : undefined;
  } catch {
    // The lock was released meanwhile.
    return undefined;
  }
}

/** This process has the lock until the descriptor is closed. Only the holder removes the file. */
function holding(fd: number, file: string): Lock {
  ftruncateSync(fd);
  writeSync(fd, String(process.pid));
  let isHeld = true;
  return {
    file,
    [Symbol.dispose]: () => {
      if (!isHeld) return;
      isHeld = false;
      // Somebody may have removed the folder, and another process may have made a new file.
      if (isFileOf(fd, file)) rmSync(file);
      closeSync(fd);
    },
  };
}

/**
 * Opens the file for reading and writing, which a lock needs, and keeps its content. A holder that
 * releases the lock may also remove the folders, between any two steps of this function.
 */
async function open(file: string): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      await makeFolder(path.dirname(file));
      return openSync(file, "a+", 0o644);
    } catch (cause) {
      const { code = "", message } = cause as NodeJS.ErrnoException;
      if (VANISHED.has(code) && attempt < MAX_ATTEMPTS) continue;
      throw new MeshwrightError(
        "configuration",
        `cannot make the lock file ${file} (${code || message}): its folder must be one that you may write to`,
        [],
        { cause },
      );
    }
  }
}

/** Whether the opened file still has its name. */
function isFileOf(fd: number, file: string): boolean {
  const named = statSync(file, { throwIfNoEntry: false });
  if (named === undefined) return false;
  const opened = fstatSync(fd);
  return named.ino === opened.ino && named.dev === opened.dev;
}

/**
 * The package is loaded when a lock is needed: other code also runs on systems that it does not
 * support.
 */
async function kernelLock(): Promise<(fd: number) => boolean> {
  try {
    return (await import("fs-native-extensions")).tryLock;
  } catch (cause) {
    throw new MeshwrightError(
      "tool-missing",
      `the package fs-native-extensions, which locks files, does not load on ${process.platform} ${process.arch}: use Linux with glibc, as in node:20-slim, or macOS`,
      [String((cause as Error).message)],
      { cause },
    );
  }
}

function tellOnStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}
