// Maps a byte of a compiled module back to the line of source that it comes from. Source:
// https://tc39.es/ecma426/

/** A place in a source. Lines count from 1, columns from 0. */
export interface SourcePlace {
  /**
   * The compiler's name for the file: a path below the package, or `~lib/…` for its own library.
   */
  readonly source: string;
  readonly line: number;
  readonly column: number;
}

interface MapFile {
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly (string | null)[];
  readonly mappings: string;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * A source map of a WebAssembly module: it has only one line, whose columns are the module's bytes.
 */
export class SourceMap {
  readonly #file: MapFile;
  readonly #offsets: number[] = [];
  /** Undefined for an instruction that the compiler added. */
  readonly #places: (SourcePlace | undefined)[] = [];

  /** @param json the map as the compiler wrote it */
  constructor(json: string) {
    this.#file = JSON.parse(json) as MapFile;
    this.#decode();
  }

  /** The place in the source of the instruction that begins at this byte. */
  at(offset: number): SourcePlace | undefined {
    return this.before(offset, 0, () => true);
  }

  /**
   * The nearest wanted place before that byte, and not before `start`: inlined code is surrounded
   * by the code that it was inlined into.
   */
  before(offset: number, start: number, isWanted: (place: SourcePlace) => boolean): SourcePlace | undefined {
    for (let i = this.#indexAfter(offset) - 1; i >= 0 && (this.#offsets[i] ?? 0) >= start; i--) {
      const place = this.#places[i];
      if (place !== undefined && isWanted(place)) return place;
    }
    return undefined;
  }

  /** The text of that line from the column on; empty if the map does not contain the source. */
  textAt({ source, line, column }: SourcePlace): string {
    return this.#linesOf(source)[line - 1]?.slice(column) ?? "";
  }

  /**
   * Every line that the pattern matches, outside the compiler's library, with the column of the
   * match.
   */
  find(pattern: RegExp): readonly SourcePlace[] {
    return this.#file.sources
      .filter((source) => !isLibrary(source))
      .flatMap((source) =>
        this.#linesOf(source).flatMap((text, i) => {
          const column = text.search(pattern);
          return column < 0 ? [] : [{ source, line: i + 1, column }];
        }),
      );
  }

  /** The number of the first segment that begins after this byte. */
  #indexAfter(offset: number): number {
    let low = 0;
    let high = this.#offsets.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#offsets[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #linesOf(source: string): readonly string[] {
    return this.#file.sourcesContent?.[this.#file.sources.indexOf(source)]?.split("\n") ?? [];
  }

  #decode(): void {
    const state = [0, 0, 0, 0];
    for (const segment of this.#file.mappings.split(",")) {
      const numbers = decodeNumbers(segment);
      numbers.forEach((number, i) => {
        state[i] = (state[i] ?? 0) + number;
      });
      const [offset = 0, source = 0, line = 0, column = 0] = state;
      this.#offsets.push(offset);
      const place = { source: this.#file.sources[source] ?? "", line: line + 1, column };
      this.#places.push(numbers.length > 1 ? place : undefined);
    }
  }
}

/** Whether the source belongs to the compiler. */
export function isLibrary(source: string): boolean {
  return source.startsWith("~lib/");
}

/**
 * Decodes base-64 numbers: five bits a digit, the lowest first; the lowest bit of all is the sign.
 */
function decodeNumbers(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const letter of segment) {
    const digit = BASE64.indexOf(letter);
    value += (digit & 31) * 2 ** shift;
    shift += 5;
    if (digit >= 32) continue;
    numbers.push(value % 2 === 1 ? -((value - 1) / 2) : value / 2);
    value = 0;
    shift = 0;
  }
  return numbers;
}
