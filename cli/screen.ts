// Standard output: lines that scroll, and on a terminal a block below them that is drawn anew in
// place.

const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const DEFAULT_WIDTH = 80;

/** The part of a stream that is needed, so that a test can look at what is written. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

export class Screen {
  readonly #output: Output;
  /** Lines of the block that the cursor stands below. */
  #drawn = 0;
  #block: readonly string[] = [];
  readonly interactive: boolean;
  readonly colours: boolean;

  constructor(output: Output, env: NodeJS.ProcessEnv) {
    this.#output = output;
    this.interactive = output.isTTY === true && env.TERM !== "dumb";
    this.colours = this.interactive && (env.NO_COLOR ?? "") === "";
  }

  /** How many columns a line may have without breaking. */
  get width(): number {
    return this.interactive ? (this.#output.columns ?? DEFAULT_WIDTH) : DEFAULT_WIDTH;
  }

  /**
   * The same lines, those that a terminal would break in the middle of a word continued on lines of
   * their own; elsewhere a line is one.
   */
  folded(lines: readonly string[]): string[] {
    return this.interactive ? lines.flatMap((line) => fold(line, this.width)) : [...lines];
  }

  /** Writes lines above the block. */
  print(lines: readonly string[]): void {
    // One write for all, so that nothing half-drawn is ever seen.
    const text = lines.map((line) => `${line}\n`).join("");
    this.#output.write(this.#drawn === 0 ? text : `${this.#up()}${CLEAR_BELOW}${text}${this.#blockText()}`);
  }

  /**
   * Draws the block, in place of the one before. Away from a terminal it is printed like any other
   * lines.
   */
  draw(lines: readonly string[]): void {
    if (!this.interactive) {
      this.print(lines);
      return;
    }
    const up = this.#up();
    // A block higher than the screen could not be found again.
    this.#block = lines.slice(0, Math.max(1, (this.#output.rows ?? 24) - 1));
    this.#output.write(`${up}${this.#blockText()}${CLEAR_BELOW}`);
  }

  /** Leaves the block where it is; what follows is written below it. */
  settle(): void {
    this.#drawn = 0;
    this.#block = [];
  }

  #up(): string {
    return this.#drawn === 0 ? "" : `\u001b[${this.#drawn}A\r`;
  }

  #blockText(): string {
    this.#drawn = this.#block.length;
    return this.#block.map((line) => `${line}${CLEAR_LINE}\n`).join("");
  }
}

/** Two columns, the first as wide as its longest word. */
export function columns(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`);
}

const HANGING = "    ";

/** Breaks a line at its spaces; what has none stays whole. */
function fold(line: string, width: number): string[] {
  const [, indent = "", text = ""] = /^(\s*)(.*)$/.exec(line) ?? [];
  const folded: string[] = [];
  let current = indent;
  for (const word of text.split(" ")) {
    const isFirst = current.trim() === "";
    if (!isFirst && current.length + 1 + word.length > width) {
      folded.push(current);
      current = `${indent}${HANGING}${word}`;
    } else current += isFirst ? word : ` ${word}`;
  }
  return [...folded, current];
}
