// Keeps the last lines of a child process's output, for messages when something goes wrong.

import { StringDecoder } from "node:string_decoder";

const maxLines = 5_000;
/**
 * A longer line is cut into pieces of this many characters, so output without line ends cannot fill
 * the memory.
 */
const maxLineLength = 32_768;

/** Keeps the last 5,000 lines. */
export class LineRing {
  #lines: string[] = [];

  push(line: string): void {
    this.#lines.push(line);
    // The list is cut at twice the limit, so that cutting costs the same for each line.
    if (this.#lines.length >= 2 * maxLines) this.#lines = this.#lines.slice(-maxLines);
  }

  text(): string {
    return this.#lines.slice(-maxLines).join("\n");
  }
}

/**
 * Cuts a byte stream into lines; a character or a line that spans two chunks is put together first.
 */
export class LineSplitter {
  readonly #decoder = new StringDecoder("utf8");
  readonly #onLine: (line: string) => void;
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  write(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#onLine(line);
    while (this.#rest.length > maxLineLength) {
      this.#onLine(this.#rest.slice(0, maxLineLength));
      this.#rest = this.#rest.slice(maxLineLength);
    }
  }

  /** Passes on what follows the last line end. */
  end(): void {
    const last = this.#rest + this.#decoder.end();
    this.#rest = "";
    if (last !== "") this.#onLine(last);
  }
}
