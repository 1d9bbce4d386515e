// Letters of ASCII in lower case. All other bytes stay as they are.

import { scratch } from "../abi/memory";
import { Bytes } from "./bytes";

/** The byte in lower case. */
export function lower(byte: u8): u8 {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/** The text in lower case. Valid until the callback ends. */
export function lowered(text: Bytes): Bytes {
  const result = scratch(text.size);
  for (let i = 0; i < text.size; i++) store<u8>(result.ptr + i, lower(text.at(i)));
  return result;
}
