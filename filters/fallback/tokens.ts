// Words of header values: items of lists, compared without regard to case.

import { Bytes, lower } from "../../assembly";

const COMMA: u8 = 0x2c;
const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;
const SPACE: u8 = 0x20;
const TAB: u8 = 0x09;

/** The end of the list's item that begins there. A comma in quotes belongs to it. */
export function endOfItem(line: Bytes, start: i32): i32 {
  let isQuoted = false;
  for (let i = start; i < line.size; i++) {
    const byte = line.at(i);
    if (byte == QUOTE) isQuoted = !isQuoted;
    else if (byte == BACKSLASH && isQuoted) i++;
    else if (byte == COMMA && !isQuoted) return i;
  }
  return line.size;
}

/** Takes the blanks around a view off. */
export function trim(text: Bytes): void {
  while (text.size > 0 && isBlank(text.at(0))) {
    text.ptr++;
    text.size--;
  }
  while (text.size > 0 && isBlank(text.at(text.size - 1))) text.size--;
}

/** Takes one pair of quotes around a view off. */
export function unquote(text: Bytes): void {
  if (text.size < 2 || text.at(0) != QUOTE || text.at(text.size - 1) != QUOTE) return;
  text.ptr++;
  text.size -= 2;
}

/** Whether the text is that word, which is in lower case, in any case. */
export function isWord(text: Bytes, word: Bytes): bool {
  if (text.size != word.size) return false;
  for (let i = 0; i < text.size; i++) {
    if (lower(text.at(i)) != word.at(i)) return false;
  }
  return true;
}

function isBlank(byte: u8): bool {
  return byte == SPACE || byte == TAB;
}
