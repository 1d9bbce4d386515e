// Keys in shared data of the parts of one table, such as its buckets. They are short, because a
// proxy keeps very many of them: two letters of the filter, 8 for the table and 4 for the part. The
// letters of the table are a hash of a longer key.

import { Bytes } from "../text/bytes";
import { hash64 } from "../text/hash";

const PREFIX_LETTERS: i32 = 2;
const TABLE_LETTERS: i32 = 8;
const PART_LETTERS: i32 = 4;
const ALPHABET = Bytes.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

/** The key of one part after another. */
@final
export class TableKey {
  /** The key of the part that `select` named last. */
  readonly key: Bytes = Bytes.owned(PREFIX_LETTERS + TABLE_LETTERS + PART_LETTERS);

  /**
   * @param prefix two letters that tell the tables of one filter from those of others
   * @param table of `sharedKey`, with the layout of a part: tables with the same are one table
   */
  constructor(prefix: string, table: Bytes) {
    memory.copy(this.key.ptr, Bytes.of(prefix).ptr, PREFIX_LETTERS);
    writeLetters(this.key.ptr + PREFIX_LETTERS, TABLE_LETTERS, hash64(0, table.ptr, table.size));
  }

  /** Makes `key` that of the part with this number, below 64^4. */
  select(part: u64): void {
    writeLetters(this.key.ptr + PREFIX_LETTERS + TABLE_LETTERS, PART_LETTERS, part);
  }
}

/** Six bits a letter. */
function writeLetters(ptr: usize, count: i32, bits: u64): void {
  for (let i = 0; i < count; i++) store<u8>(ptr + i, ALPHABET.at(<i32>(bits >> (6 * i)) & 63));
}
