// Regular expressions of RE2's syntax, as automata on bytes. A match takes one look at a table for
// each byte of the text, whatever the pattern, and allocates nothing.

import { Bytes } from "../bytes";
import { AutomatonBuilder } from "./builder";
import { PatternParser } from "./parser";
import { Program } from "./program";

@final
export class Regex {
  constructor(
    private readonly classOf: StaticArray<u8>,
    private readonly table: StaticArray<i32>,
    private readonly start: i32,
    /** Offset in a row of what a text is that ends there. */
    private readonly end: i32,
  ) {}

  /** Whether it matches the whole text, which may be any bytes. */
  matches(text: Bytes): bool {
    const table = changetype<usize>(this.table);
    const classOf = changetype<usize>(this.classOf);
    const end = text.ptr + text.size;
    let row: usize = this.start;
    for (let at = text.ptr; at < end && row != 0; at++) {
      row = load<u32>(table + row + ((<usize>load<u8>(classOf + load<u8>(at))) << 2));
    }
    return load<u32>(table + row + this.end) != 0;
  }

  /** Bytes of its table. */
  get size(): i32 {
    return this.table.length * 4;
  }
}

/** What compiling a pattern has given: a regular expression, or a fault. */
@final
export class CompiledRegex {
  constructor(
    readonly regex: Regex | null,
    readonly fault: string,
  ) {}
}

/**
 * Compiles a pattern, which must be well-formed UTF-8. The fault says what is wrong, where, and
 * whether RE2 itself would refuse it too makes no difference. The work is bounded.
 */
export function compileRegex(pattern: Bytes): CompiledRegex {
  const parser = new PatternParser(pattern);
  const piece = parser.parse();
  if (parser.fault.length > 0) return new CompiledRegex(null, parser.fault);
  const program = new Program(piece);
  if (program.isTooLong) return new CompiledRegex(null, "is too long with its repeats written out");
  const built = new AutomatonBuilder(program);
  if (built.fault.length > 0) return new CompiledRegex(null, built.fault);
  const end = built.classes.sample.length * 4;
  const table = StaticArray.fromArray(built.table);
  return new CompiledRegex(new Regex(built.classes.classOf, table, built.start, end), "");
}
