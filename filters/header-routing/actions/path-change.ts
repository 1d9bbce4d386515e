// How a path is changed: as a whole, or in the part that a rule's `segments` matched. Pure.

import { Bytes, pathEnd, scratch } from "../../../assembly";

const SLASH: u8 = 0x2f;
const BACKSLASH: u8 = 0x5c;

/** Whether a request has a path. `*` of OPTIONS is none, and CONNECT has nothing in its place. */
export function isPath(target: Bytes): bool {
  return target.size > 0 && target.at(0) == SLASH;
}

@final
export class PathChange {
  /**
   * @param replacement in place of a prefix it has no `/` at its end, so `/` is empty
   * @param replaced bytes of the prefix that is replaced, without a `/` at its end; -1 for the
   * whole path
   */
  constructor(
    private readonly replacement: Bytes,
    private readonly replaced: i32,
  ) {}

  /**
   * The changed path, with the query if it is kept. All slashes where the two parts meet become
   * one: a browser takes two at the start, or `/\`, for another host. Valid until the callback
   * ends.
   * @param target path and query; for a prefix, of a request whose path begins with it
   */
  of(target: Bytes, keepsQuery: bool): Bytes {
    const end = pathEnd(target);
    const start = this.replaced < 0 ? end : min(this.replaced, end);
    let from = start;
    while (from < end && isSlash(target.at(from))) from++;
    const replacement = this.replacement;
    const hasSlash = from > start || replacement.size == 0;
    const rest = (keepsQuery ? target.size : end) - from;
    const changed = scratch(replacement.size + (hasSlash ? 1 : 0) + rest);
    memory.copy(changed.ptr, replacement.ptr, replacement.size);
    const at = changed.ptr + replacement.size;
    if (hasSlash) store<u8>(at, SLASH);
    memory.copy(changed.ptr + changed.size - rest, target.ptr + from, rest);
    return changed;
  }
}

function isSlash(byte: u8): bool {
  return byte == SLASH || byte == BACKSLASH;
}
