// Values of headers that a filter writes.

import { Bytes } from "./bytes";

const TAB: u8 = 0x09;
const DELETE: u8 = 0x7f;

/**
 * Whether the value has no control character but tabs. Another one ends the line, or makes a peer
 * refuse the message.
 */
export function isHeaderValue(value: Bytes): bool {
  for (let i = 0; i < value.size; i++) {
    const byte = value.at(i);
    if ((byte < 0x20 && byte != TAB) || byte == DELETE) return false;
  }
  return true;
}
