// Standard output: lines that scroll, and on a terminal a block below them that is redrawn in its
// place.

const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const DEFAULT_WIDTH = 80;

/** The part of a stream that is used here. A test can pass its own and read what is written. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

export class Screen {
  readonly #output: Output;
  /** The number of lines of the block above the cursor. */
  #drawn = 0;
  #block: readonly string[] = [];
  #question: string | undefined;
  readonly interactive: boolean;
  readonly colours: boolean;

  constructor(output: Output, env: NodeJS.ProcessEnv) {
    this.#output = output;
    this.interactive = output.isTTY === true && env.TERM !== "dumb";
    this.colours = this.interactive && (env.NO_COLOR ?? "") === "";
  }

  /** How many columns a line may have before the terminal breaks it. */
  get width(): number {
    return this.interactive ? (this.#output.columns ?? DEFAULT_WIDTH) : DEFAULT_WIDTH;
  }

  /**
   * The lines, broken at spaces where a terminal would break them in the middle of a word. Outside
   * a terminal lines stay whole.
   */
  folded(lines: readonly string[]): string[] {
    return this.interactive ? lines.flatMap((line) => fold(line, this.width)) : [...lines];
  }

  /** Writes lines above the block. */
  print(lines: readonly string[]): void {
    // All goes out in one write, so that nobody sees a half-drawn screen.
    const text = lines.map((line) => `${line}\n`).join("");
    this.#output.write(this.#drawn === 0 ? text : `${this.#up()}${CLEAR_BELOW}${text}${this.#blockText()}`);
  }

  /**
   * Draws the block in place of the previous one. Outside a terminal it is printed like other
   * lines.
   */
  draw(lines: readonly string[]): void {
    if (!this.interactive) {
      this.print(lines);
      return;
    }
    const up = this.#up();
    // A block that is higher than the screen could not be redrawn in its place.
    this.#block = lines.slice(0, Math.max(1, (this.#output.rows ?? 24) - 2));
    this.#output.write(`${up}${this.#blockText()}${CLEAR_BELOW}`);
  }

  /** Shows a line below the block until it is called with undefined. Only on a terminal. */
  prompt(line: string | undefined): void {
    if (!this.interactive) return;
    const up = this.#up();
    this.#question = line?.slice(0, this.width - 1);
    this.#output.write(`${up}${this.#blockText()}${CLEAR_BELOW}`);
  }

  /** Keeps the block as it is. Later output is written below it. */
  settle(): void {
    this.#drawn = 0;
    this.#block = [];
    this.#question = undefined;
  }

  #up(): string {
    return this.#drawn === 0 ? "" : `\u001b[${this.#drawn}A\r`;
  }

  #blockText(): string {
    const lines = this.#question === undefined ? this.#block : [...this.#block, this.#question];
    this.#drawn = lines.length;
    return lines.map((line) => `${line}${CLEAR_LINE}\n`).join("");
  }
}

/** Two columns, the first as wide as its longest word. */
export function columns(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`);
}

const HANGING = "    ";

/** Breaks a line at its spaces. A line without spaces stays whole. */
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
