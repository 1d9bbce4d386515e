// The compiler of regular expressions as a module of its own, without a host: by it the schema of
// matches refuses just what the filters refuse. `npm run regex-module` writes it into
// `filters/shared/regex-module.ts`.

import { Bytes } from "../bytes";
import { compileRegex, Regex } from "./regex";

let compiled: Regex | null = null;
let fault: Bytes = new Bytes(0, 0);

/** Room for `size` bytes, which is never taken back: instances of this module are short-lived. */
export function reserve(size: i32): usize {
  return heap.alloc(size);
}

/** Compiles the pattern there. Returns the size of its table in bytes, or -1 after a fault. */
export function compile(ptr: usize, size: i32): i32 {
  const result = compileRegex(new Bytes(ptr, size));
  compiled = result.regex;
  fault = Bytes.of(result.fault);
  const regex = compiled;
  return regex ? regex.size : -1;
}

/** What was wrong with the pattern, in UTF-8. */
export function faultAt(): usize {
  return fault.ptr;
}

export function faultSize(): i32 {
  return fault.size;
}

/** Whether the last pattern matches the text there. */
export function matches(ptr: usize, size: i32): bool {
  const regex = compiled;
  return regex ? regex.matches(new Bytes(ptr, size)) : false;
}
