// A lock that one process of this machine has at a time, by the kernel's lock of an open file. The
// kernel takes it back when its holder ends, however it ends: there is no stale lock to be told
// from a live one, and nobody has to guess from a process number or a time. What the file holds is
// for people.

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

/** A lock that this process has. Disposing of it gives it back and removes its file. */
export interface Lock extends Disposable {
  /** Absolute. */
  readonly file: string;
}

export interface WaitOptions {
  /** Told once, in one line, who has the lock when the wait takes long. Default: standard error. */
  readonly onWaiting?: (line: string) => void;
  /** How long the wait may take before it is told of, in milliseconds. Default: 5,000. */
  readonly tellAfterMs?: number;
}

const POLL_MS = 20;
const TELL_AFTER_MS = 5_000;
/**
 * What making a folder fails with when it is removed meanwhile, and also where it cannot be made.
 */
const VANISHED: ReadonlySet<string> = new Set(["ENOENT", "EEXIST"]);
const MAX_ATTEMPTS = 100;

/**
 * Takes the lock, or returns undefined while another has it, in this process or in any other.
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
    // Its last holder has removed it since it was opened: another may lock a new file.
    closeSync(fd);
  }
}

/**
 * Waits until no other has the lock, and takes it. A holder that hangs or is stopped keeps it.
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

/** Who has the lock, for a sentence: `pid 4711`, or `another process` where it did not say. */
export function describeHolder(file: string): string {
  const pid = holderOf(file);
  return pid === undefined ? "another process" : `pid ${pid}`;
}

function holderOf(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    return pid > 0 ? pid : undefined;
  } catch {
    // It was given back meanwhile.
    return undefined;
  }
}

/** The lock is this process's until the descriptor is closed; only its holder removes the file. */
function holding(fd: number, file: string): Lock {
  ftruncateSync(fd);
  writeSync(fd, String(process.pid));
  let isHeld = true;
  return {
    file,
    [Symbol.dispose]: () => {
      if (!isHeld) return;
      isHeld = false;
      // Somebody may have cleared the folder away, and another process made a file of its own.
      if (isFileOf(fd, file)) rmSync(file);
      closeSync(fd);
    },
  };
}

/**
 * Opened for reading and writing, as a lock needs it; what the file holds stays. Whoever gives a
 * lock back may remove the folders too, between any two steps of this.
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

/** Whether the file that was opened still stands under its name. */
function isFileOf(fd: number, file: string): boolean {
  const named = statSync(file, { throwIfNoEntry: false });
  if (named === undefined) return false;
  const opened = fstatSync(fd);
  return named.ino === opened.ino && named.dev === opened.dev;
}

/** Loaded when a lock is wanted: what needs none runs on systems that the package knows not. */
async function kernelLock(): Promise<(fd: number) => boolean> {
  try {
    return (await import("fs-native-extensions")).tryLock;
  } catch (cause) {
    throw new MeshwrightError(
      "tool-missing",
      `the package fs-native-extensions, by which files are locked, does not load on ${process.platform} ${process.arch}: use Linux with glibc, as in node:20-slim, or macOS`,
      [String((cause as Error).message)],
      { cause },
    );
  }
}

function tellOnStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}
