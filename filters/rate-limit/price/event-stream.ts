// The data of a stream of server-sent events (`text/event-stream`), whose lines come in pieces:
// each event is a JSON document of its own.

import { JsonReader } from "./json-reader";

const FIELD: StaticArray<u8> = [0x64, 0x61, 0x74, 0x61, 0x3a]; // data:
const LINE_FEED: u8 = 0x0a;
const CARRIAGE_RETURN: u8 = 0x0d;
/** Of a line whose field is another one. */
const OTHER: i32 = -1;

@final
export class EventStream {
  /** How much of `data:` the line has so far. */
  private field: i32 = 0;
  /** Whether the line has no byte yet. */
  private isLineEmpty: bool = true;
  private isAfterReturn: bool = false;

  clear(): void {
    this.field = 0;
    this.isLineEmpty = true;
    this.isAfterReturn = false;
  }

  /** Hands the data of the next piece to `reader`. */
  read(ptr: usize, size: i32, reader: JsonReader): void {
    const end = ptr + size;
    for (let at = ptr; at < end; at++) {
      const byte = load<u8>(at);
      if (byte == LINE_FEED || byte == CARRIAGE_RETURN) {
        if (byte != LINE_FEED || !this.isAfterReturn) this.endLine(reader);
        this.isAfterReturn = byte == CARRIAGE_RETURN;
        continue;
      }
      this.isAfterReturn = false;
      this.isLineEmpty = false;
      if (this.field == FIELD.length) {
        const from = at;
        while (at + 1 < end && !endsLine(load<u8>(at + 1))) at++;
        reader.read(from, <i32>(at + 1 - from));
      } else if (this.field != OTHER) {
        this.field = byte == unchecked(FIELD[this.field]) ? this.field + 1 : OTHER;
      }
    }
  }

  /** An empty line ends the event; the lines of one event are one text. */
  private endLine(reader: JsonReader): void {
    if (this.isLineEmpty) reader.restart();
    this.field = 0;
    this.isLineEmpty = true;
  }
}

function endsLine(byte: u8): bool {
  return byte == LINE_FEED || byte == CARRIAGE_RETURN;
}
