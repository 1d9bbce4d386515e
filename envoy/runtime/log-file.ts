// A file of log lines that outlives a full disk and a removed folder: what could not be written is
// kept, and written when that is possible again.

import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolder } from "./folder.js";

/**
 * Told when a log file can no longer be written, with the system's code, and with undefined when it
 * can again. Must not throw.
 */
export type LogState = (file: string, problem: string | undefined) => void;

/** What is kept while nothing can be written. What came before is dropped. */
const MAX_HELD_BYTES = 1024 * 1024;
const RETRY_MS = 1_000;

/** Appends lines to a file, which it makes with mode 0644, and its folder. Never throws. */
export class LogFile {
  readonly #path: string;
  readonly #onState: LogState;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #file: FileHandle | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isQueued = false;
  #retry: NodeJS.Timeout | undefined;
  #problem: string | undefined;

  constructor(path: string, onState: LogState = () => {}) {
    this.#path = path;
    this.#onState = onState;
    // The file exists from the start, also where nothing is ever logged.
    this.#queue();
  }

  write(line: string): void {
    this.#hold(Buffer.from(`${line}\n`));
    if (this.#retry === undefined) this.#queue();
  }

  /** Writes what can be written, and closes the file. */
  async end(): Promise<void> {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#queue();
    await this.#turn;
    clearTimeout(this.#retry);
    await this.#close();
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    while (this.#heldBytes > MAX_HELD_BYTES) this.#heldBytes -= this.#held.shift()?.length ?? 0;
  }

  /** Lines that come before the turn are written with it. */
  #queue(): void {
    if (this.#isQueued) return;
    this.#isQueued = true;
    this.#turn = this.#turn.then(() => {
      this.#isQueued = false;
      return this.#flush();
    });
  }

  async #flush(): Promise<void> {
    try {
      await this.#writeHeld(await this.#opened());
      this.#tell(undefined);
    } catch (error) {
      this.#tell((error as NodeJS.ErrnoException).code ?? String(error));
      await this.#close();
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#queue();
      }, RETRY_MS).unref();
    }
  }

  async #writeHeld(file: FileHandle): Promise<void> {
    while (this.#held.length > 0) {
      const bytes = Buffer.concat(this.#held);
      this.#held = [];
      this.#heldBytes = 0;
      let written = 0;
      try {
        // A disk that fills takes a part of it.
        while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten;
      } catch (error) {
        const newer = this.#held;
        this.#held = [];
        this.#heldBytes = 0;
        for (const each of [bytes.subarray(written), ...newer]) this.#hold(each);
        throw error;
      }
    }
  }

  /** The file under its name: a removed one takes what nobody will read. */
  async #opened(): Promise<FileHandle> {
    if (this.#file !== undefined && (await this.#file.stat()).nlink > 0) return this.#file;
    await this.#close();
    await makeFolder(dirname(this.#path));
    this.#file = await open(this.#path, "a", 0o644);
    return this.#file;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    // A full disk may say so at the close alone.
    await file?.close().catch(() => {});
  }

  #tell(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#onState(this.#path, problem);
  }
}
