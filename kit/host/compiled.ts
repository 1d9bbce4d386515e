// Modules are compiled once, since many proxies of one test file run the same ones.

import { readFileSync, statSync } from "node:fs";
import { MeshwrightError } from "../../envoy/errors.js";

interface Compiled {
  readonly version: string;
  readonly module: WebAssembly.Module;
}

const KNOWN = new Map<string, Compiled>();

/**
 * The module of a file. It is compiled again only when the file has changed.
 * @throws MeshwrightError `build` when there is no module
 */
export function compiledModule(path: string): WebAssembly.Module {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw new MeshwrightError(
      "build",
      `there is no module at ${path}: build it first, with \`meshwright build\``,
    );
  }
  const version = `${stats.mtimeMs} ${stats.size}`;
  const known = KNOWN.get(path);
  if (known?.version === version) return known.module;
  const module = compile(path);
  KNOWN.set(path, { version, module });
  return module;
}

function compile(path: string): WebAssembly.Module {
  try {
    return new WebAssembly.Module(readFileSync(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/\s+/g, " ") : String(cause);
    throw new MeshwrightError(
      "build",
      `${path} is not a WebAssembly module (${reason}): give the .wasm file that a build wrote`,
      [],
      { cause },
    );
  }
}
