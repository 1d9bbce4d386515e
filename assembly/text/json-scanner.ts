// The tokens of JSON (RFC 8259) over untrusted bytes: strings, numbers, white space, and the first
// fault found. It reads every byte once and never outside of the document.

import { Bytes } from "./bytes";
import { isDigit } from "./number";
import { sequenceSize, writeCodePoint } from "./utf8";

export const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;
const MINUS: u8 = 0x2d;
const PLUS: u8 = 0x2b;
const POINT: u8 = 0x2e;
const ZERO: u8 = 0x30;
const LETTER_U: u8 = 0x75;
const SPACE: u8 = 0x20;

export class JsonScanner {
  /** What is wrong; empty if nothing is. The first fault is kept. */
  reason: string = "";
  /** Where the fault is, in bytes from the start. */
  faultOffset: i32 = 0;
  /** The next byte to read. */
  protected index: i32 = 0;
  /**
   * The buffer for unescaped strings. No string is longer than the document, so one buffer serves
   * all and never grows.
   */
  private scratch: Bytes;

  constructor(protected readonly source: Bytes) {
    this.scratch = Bytes.owned(source.size);
  }

  /** Whether a fault was found, which ends the reading. */
  get failed(): bool {
    return this.reason.length > 0;
  }

  protected fail(offset: i32, reason: string): void {
    if (this.failed) return;
    this.reason = reason;
    this.faultOffset = offset;
  }

  /** Says what was expected at the next byte, and what is there. */
  protected failExpected(what: string): void {
    this.fail(this.index, `expected ${what}, found ${this.describeNext()}`);
  }

  private describeNext(): string {
    if (this.atEnd()) return "the end of the document";
    const byte = this.peek();
    if (byte == QUOTE) return `'"'`;
    if (byte > SPACE && byte < 0x7f) return `"${String.fromCharCode(byte)}"`;
    return `byte 0x${(<u32>byte).toString(16).padStart(2, "0")}`;
  }

  protected atEnd(): bool {
    return this.index >= this.source.size;
  }

  /** The next byte; at the end 0, which begins no token. */
  protected peek(): u8 {
    return this.atEnd() ? 0 : this.source.at(this.index);
  }

  /** Skips the next byte if it is `byte`. */
  protected take(byte: u8): bool {
    if (this.atEnd() || this.peek() != byte) return false;
    this.index++;
    return true;
  }

  protected skipSpace(): void {
    while (!this.atEnd()) {
      const byte = this.peek();
      if (byte != SPACE && byte != 0x0a && byte != 0x0d && byte != 0x09) return;
      this.index++;
    }
  }

  /**
   * Reads the string whose opening quote is next. The result owns its memory; after a fault it is
   * empty.
   */
  protected readString(): Bytes {
    const opening = this.index++;
    let out = this.scratch.ptr;
    while (!this.failed) {
      if (this.atEnd()) {
        this.fail(opening, "the string that begins here is not closed");
      } else if (this.peek() == BACKSLASH) {
        out += this.readEscape(out);
      } else if (this.take(QUOTE)) {
        const text = Bytes.owned(<i32>(out - this.scratch.ptr));
        memory.copy(text.ptr, this.scratch.ptr, text.size);
        return text;
      } else {
        out += this.readPlain(out);
      }
    }
    return Bytes.owned(0);
  }

  /** Copies one character to `out`; returns its size. */
  private readPlain(out: usize): i32 {
    if (this.peek() < SPACE) {
      this.fail(this.index, "a control character in a string must be escaped");
      return 0;
    }
    const size = sequenceSize(this.source.ptr + this.index, this.source.size - this.index);
    if (size == 0) this.fail(this.index, "the string is not valid UTF-8");
    memory.copy(out, this.source.ptr + this.index, size);
    this.index += size;
    return size;
  }

  /** Writes the character of the next escape to `out`; returns its size. */
  private readEscape(out: usize): i32 {
    const start = this.index;
    this.index += 1;
    if (this.take(LETTER_U)) return this.readUnicodeEscape(out, start);
    const byte = unescaped(this.peek());
    if (byte == 0) {
      this.fail(start, 'bad escape: expected one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX');
      return 0;
    }
    this.index++;
    store<u8>(out, byte);
    return 1;
  }

  private readUnicodeEscape(out: usize, start: i32): i32 {
    let code = this.readHex4(start);
    if (code >>> 11 == 0x1b) {
      // A surrogate makes a character only if a high one is followed by an escaped low one.
      const low = code < 0xdc00 && this.take(BACKSLASH) && this.take(LETTER_U) ? this.readHex4(start) : 0;
      if (low >>> 10 != 0x37) this.fail(start, "an unpaired surrogate is not a character");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return this.failed ? 0 : writeCodePoint(out, code);
  }

  private readHex4(start: i32): u32 {
    let code: u32 = 0;
    for (let i = 0; i < 4; i++) {
      const digit = hexDigit(this.peek());
      if (digit < 0) {
        this.fail(start, "bad escape: \\u needs four hexadecimal digits");
        return 0;
      }
      code = (code << 4) | digit;
      this.index++;
    }
    return code;
  }

  /**
   * Reads the next number; 0 after a fault. Exact to 15 digits. With more digits `parseFloat` may
   * miss the nearest double, and beyond 1e38 it may be wrong by powers of ten: far outside of any
   * range that a configuration allows.
   */
  protected readNumber(): f64 {
    const start = this.index;
    this.take(MINUS);
    if (this.take(ZERO)) {
      if (isDigit(this.peek())) this.fail(start, "a number must not begin with 0");
    } else {
      this.skipDigits();
    }
    if (this.take(POINT)) this.skipDigits();
    if ((this.peek() | 0x20) == 0x65) {
      this.index++;
      if (!this.take(PLUS)) this.take(MINUS);
      this.skipDigits();
    }
    if (this.failed) return 0;
    const value = parseFloat(String.UTF8.decodeUnsafe(this.source.ptr + start, this.index - start));
    if (abs(value) == Infinity) this.fail(start, "the number is too large");
    return value;
  }

  private skipDigits(): void {
    if (!isDigit(this.peek())) this.failExpected("a digit");
    while (isDigit(this.peek())) this.index++;
  }
}

function hexDigit(byte: u8): i32 {
  if (isDigit(byte)) return byte - ZERO;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

/** What the letter after a backslash stands for; 0 if nothing. */
function unescaped(letter: u8): u8 {
  switch (letter) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
      return letter;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return 0;
  }
}
