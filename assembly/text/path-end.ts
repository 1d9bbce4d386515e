// The parts of what stands in `:path`.

import { Bytes } from "./bytes";

const QUESTION_MARK: u8 = 0x3f;
const NUMBER_SIGN: u8 = 0x23;

/** Where the path of a request ends: its query or its fragment begins there, or nothing. */
export function pathEnd(target: Bytes): i32 {
  for (let i = 0; i < target.size; i++) {
    const byte = target.at(i);
    if (byte == QUESTION_MARK || byte == NUMBER_SIGN) return i;
  }
  return target.size;
}
