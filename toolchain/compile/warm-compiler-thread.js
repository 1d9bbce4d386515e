// The thread of `warm-compiler.ts`: keeps the compiler loaded, and compiles what it is sent. Plain
// JavaScript, since a thread starts without what runs the sources of a checkout.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parentPort } from "node:worker_threads";
import asc from "assemblyscript/asc";

/** Source files, without those that have types alone. */
const SOURCE = /^(?!.*\.d\.ts$).*\.ts$/;

/**
 * @param {{ args: string[], wasm: string, map: string }} job the compiler's words, and the names of
 * its outputs among them
 */
async function compile({ args, wasm, map }) {
  const output = asc.createMemoryStream();
  /** @type {Map<string, string | Uint8Array>} */
  const written = new Map();
  /** @type {Set<string>} */
  const looked = new Set();
  const { error } = await asc.main(args, {
    stdout: output,
    stderr: output,
    readFile: (name, folder) => {
      const file = path.resolve(folder, name);
      looked.add(file);
      return orNull(() => readFileSync(file, "utf8"));
    },
    writeFile: (name, content) => {
      written.set(path.basename(name), content);
    },
    listFiles: (name, folder) =>
      orNull(() => readdirSync(path.resolve(folder, name)).filter((file) => SOURCE.test(file))),
  });
  const made = error === null ? { wasm: written.get(wasm), map: written.get(map) } : undefined;
  return { made, output: output.toString(), looked: [...looked] };
}

/**
 * @template T
 * @param {() => T} read
 * @returns {T | null}
 */
function orNull(read) {
  try {
    return read();
  } catch {
    return null;
  }
}

parentPort?.on("message", async ({ id, ...job }) => {
  parentPort?.postMessage({ id, ...(await compile(job)) });
});
