// Standard output where it is a file: Node's own stream never writes again after a full disk.

import { fstatSync, writeSync } from "node:fs";
import type { Output } from "./screen.js";

/** What is kept while nothing can be written. What came before is dropped. */
const MAX_HELD = 256 * 1024;

/** Writes to the descriptor of a file. What cannot be written comes with the next text that can. */
export class FileOutput implements Output {
  readonly #fd: number;
  #held = Buffer.alloc(0);
  #failure: NodeJS.ErrnoException | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Why a part of what was written is not in the file; undefined where all of it is. */
  get failure(): NodeJS.ErrnoException | undefined {
    return this.#failure;
  }

  write(text: string): boolean {
    this.#held = Buffer.concat([this.#held, Buffer.from(text)]);
    try {
      while (this.#held.length > 0) this.#held = this.#held.subarray(writeSync(this.#fd, this.#held));
      this.#failure = undefined;
      return true;
    } catch (error) {
      this.#failure = error as NodeJS.ErrnoException;
      this.#held = this.#held.subarray(-MAX_HELD);
      return false;
    }
  }
}

/** Whether the descriptor is a file's, and not a terminal's or a pipe's. */
export function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}
