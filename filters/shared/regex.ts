// Regular expressions as filters take them: it is their own compiler, in a module without a host.

import { REGEX_MODULE } from "./regex-module.js";

interface Compiler {
  readonly memory: WebAssembly.Memory;
  reserve(size: number): number;
  compile(ptr: number, size: number): number;
  faultAt(): number;
  faultSize(): number;
  matches(ptr: number, size: number): number;
}

/** A pattern that a filter takes or refuses. */
export interface CheckedRegex {
  /** Why a filter refuses it. */
  readonly fault?: string;
  /** Bytes of its table in a filter; 0 after a fault. */
  readonly tableSize: number;
  /** Whether it matches the whole of those bytes; never after a fault. */
  matches(text: Uint8Array): boolean;
}

let compiled: WebAssembly.Module | undefined;

/** Compiles a pattern as a filter does. */
export function checkRegex(pattern: string): CheckedRegex {
  compiled ??= new WebAssembly.Module(Buffer.from(REGEX_MODULE, "base64"));
  const compiler = new WebAssembly.Instance(compiled, {}).exports as unknown as Compiler;
  const bytes = Buffer.from(pattern);
  const tableSize = compiler.compile(placed(compiler, bytes), bytes.length);
  if (tableSize >= 0) return { tableSize, matches: (text) => isMatch(compiler, text) };
  const fault = Buffer.from(compiler.memory.buffer, compiler.faultAt(), compiler.faultSize()).toString();
  return { fault, tableSize: 0, matches: () => false };
}

function isMatch(compiler: Compiler, text: Uint8Array): boolean {
  return compiler.matches(placed(compiler, text), text.length) !== 0;
}

function placed(compiler: Compiler, bytes: Uint8Array): number {
  const ptr = compiler.reserve(bytes.length);
  new Uint8Array(compiler.memory.buffer).set(bytes, ptr);
  return ptr;
}
