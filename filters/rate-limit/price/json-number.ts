// Looks for one number in JSON that comes in pieces: the last number under a path of keys, such as
// `usage`, `total_tokens`. Keeps a few words of state however long the text is, and never looks
// back. Text that is not JSON only makes it find nothing.
//
// It follows the text from its root: what only looks like the number, in a string or under another
// path, is not taken for it. One document may follow another.

import { Bytes } from "../../../assembly";
import { JsonReader } from "./json-reader";

const QUOTE: u8 = 0x22;
const COMMA: u8 = 0x2c;
const COLON: u8 = 0x3a;
const BACKSLASH: u8 = 0x5c;
const OPENING_BRACKET: u8 = 0x5b;
const CLOSING_BRACKET: u8 = 0x5d;
const OPENING_BRACE: u8 = 0x7b;
const CLOSING_BRACE: u8 = 0x7d;
const SPACE: u8 = 0x20;
const ZERO: u8 = 0x30;
const NINE: u8 = 0x39;

/** No number has been found. */
export const NO_NUMBER: i64 = -1;
/** Numbers above this count as this. */
const MOST: i64 = 1_000_000_000;

enum State {
  /** Between two tokens. */
  Between,
  String,
  /** In a string, behind a backslash. */
  Escape,
  /** In the number that is looked for, and all of it so far is digits. */
  Number,
}

@final
export class JsonNumber extends JsonReader {
  /** The last whole number of at least 0 under the path, cut down to 10^9; or `NO_NUMBER`. */
  value: i64 = NO_NUMBER;
  private state: State = State.Between;
  /** How many objects and lists are open. */
  private depth: i32 = 0;
  /** How many of them are the objects on the path, from the root on. */
  private onPath: i32 = 0;
  /** Whether the next string on the path is a key. */
  private awaitsKey: bool = false;
  /** How much of a key is the one looked for; -1 once it is another one, or outside of a key. */
  private same: i32 = -1;
  /** The last key was the one looked for, and its value has not come yet. */
  private isNext: bool = false;
  private digits: i64 = 0;

  /** @param path keys from the root on, at least one */
  constructor(readonly path: StaticArray<Bytes>) {
    super();
  }

  /** Forgets all, for another text. */
  clear(): void {
    this.value = NO_NUMBER;
    this.restart();
  }

  override restart(): void {
    this.state = State.Between;
    this.depth = 0;
    this.onPath = 0;
    this.awaitsKey = false;
    this.same = -1;
    this.isNext = false;
  }

  override read(ptr: usize, size: i32): void {
    for (let at = ptr, end = ptr + size; at < end; at++) {
      const byte = load<u8>(at);
      switch (this.state) {
        case State.Between:
          this.begin(byte);
          break;
        case State.String:
          this.readString(byte);
          break;
        case State.Escape:
          this.state = State.String;
          break;
        default:
          this.readDigit(byte);
      }
    }
  }

  private begin(byte: u8): void {
    if (byte <= SPACE) return;
    const isNext = this.isNext;
    const here = this.depth == this.onPath;
    this.isNext = false;
    switch (byte) {
      case QUOTE:
        this.state = State.String;
        this.same = here && this.awaitsKey ? 0 : -1;
        break;
      case COLON:
        this.isNext = here && this.awaitsKey && this.same == unchecked(this.path[this.onPath - 1]).size;
        this.awaitsKey = false;
        break;
      case COMMA:
        this.awaitsKey = here && this.depth > 0;
        break;
      case OPENING_BRACE:
        this.open(this.depth == 0 || (isNext && this.onPath < this.path.length));
        break;
      case OPENING_BRACKET:
        this.open(false);
        break;
      case CLOSING_BRACE:
      case CLOSING_BRACKET:
        this.close();
        break;
      default:
        if (isNext && this.onPath == this.path.length && byte >= ZERO && byte <= NINE) {
          this.state = State.Number;
          this.digits = byte - ZERO;
        }
    }
  }

  private open(isOnPath: bool): void {
    this.depth++;
    if (isOnPath) this.onPath++;
    this.awaitsKey = isOnPath;
  }

  private close(): void {
    if (this.depth > 0) this.depth--;
    this.onPath = min(this.onPath, this.depth);
    this.awaitsKey = false;
  }

  private readString(byte: u8): void {
    if (byte == BACKSLASH) {
      this.state = State.Escape;
      this.same = -1;
    } else if (byte == QUOTE) {
      this.state = State.Between;
    } else if (this.same >= 0) {
      const key = unchecked(this.path[this.onPath - 1]);
      this.same = this.same < key.size && key.at(this.same) == byte ? this.same + 1 : -1;
    }
  }

  private readDigit(byte: u8): void {
    if (byte >= ZERO && byte <= NINE) {
      this.digits = min(this.digits * 10 + (byte - ZERO), MOST);
      return;
    }
    this.state = State.Between;
    // A fraction, an exponent or a word makes it another number, or none.
    if (byte > SPACE && byte != COMMA && byte != CLOSING_BRACE) return;
    this.value = this.digits;
    this.begin(byte);
  }
}
