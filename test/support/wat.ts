// Modules for tests in WebAssembly's text form, including modules that no compiler would make.

import { writeFile } from "node:fs/promises";
import binaryen from "assemblyscript/binaryen";

/** What every proxy-wasm module has, as fields of the text form. */
export const ABI_MARKER = '(func (export "proxy_abi_version_0_2_1"))';
export const ALLOCATOR = '(func (export "malloc") (param i32) (result i32) (i32.const 1024))';
export const MEMORY = '(memory (export "memory") 1)';
/** The smallest module that stock Envoy loads. */
export const MINIMAL = ABI_MARKER + ALLOCATOR + MEMORY;

/**
 * The binary of a module with these fields, imports first. It is not validated.
 * @param newest whether the module may have forms that Node 20 cannot read
 */
export function wat(fields: string, { newest = false } = {}): Uint8Array {
  const module = binaryen.parseText(`(module ${fields})`);
  try {
    const { All, GC } = binaryen.Features;
    module.setFeatures(newest ? All : All & ~GC);
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

/** Writes that module to `path`. */
export async function writeWat(path: string, fields: string, options = {}): Promise<string> {
  await writeFile(path, wat(fields, options));
  return path;
}
