// Modules are compiled once: many proxies of one test file run the same ones.

import { readFileSync, statSync } from "node:fs";

interface Compiled {
  readonly version: string;
  readonly module: WebAssembly.Module;
}

const KNOWN = new Map<string, Compiled>();

/** The module of a file, compiled again only where the file has changed. Throws what Node throws where the file is none. */
export function compiledModule(path: string): WebAssembly.Module {
  const { mtimeMs, size } = statSync(path);
  const version = `${mtimeMs} ${size}`;
  const known = KNOWN.get(path);
  if (known?.version === version) return known.module;
  const module = new WebAssembly.Module(readFileSync(path));
  KNOWN.set(path, { version, module });
  return module;
}
