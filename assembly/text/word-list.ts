// Lists of words that are one text, which costs a module half as much as a list of texts.

import { Bytes } from "./bytes";

const SPACE: u8 = 0x20;

/** Whether `name` is one of the names in `list`, which spaces separate. */
export function isListed(list: Bytes, name: Bytes): bool {
  let start = 0;
  for (let end = 0; end <= list.size; end++) {
    if (end < list.size && list.at(end) != SPACE) continue;
    if (name.equals(new Bytes(list.ptr + start, end - start))) return true;
    start = end + 1;
  }
  return false;
}
