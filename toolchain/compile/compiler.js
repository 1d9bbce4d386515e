// Keeps the compiler loaded and compiles jobs that are sent to it: in a thread of
// `warm-compiler.ts`, or in a process of `run-compiler.ts`. It is plain JavaScript, because both
// start without the loader that runs the sources of a checkout.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parentPort } from "node:worker_threads";
import asc from "assemblyscript/asc";

/** Source files, except those with types only. */
const SOURCE = /^(?!.*\.d\.ts$).*\.ts$/;
const OUTPUTS = ["-o", "module.wasm"];

/**
 * @param {import("./run-compiler.js").CompilerJob} job
 * @returns {Promise<import("./run-compiler.js").CompilerAnswer>}
 */
async function compile({ root, entry, args, texts = {} }) {
  const output = asc.createMemoryStream();
  /** @type {Map<string, string | Uint8Array>} */
  const written = new Map();
  /** @type {Map<string, string | null>} */
  const looked = new Map();
  const { error } = await asc.main([entry, ...args, ...OUTPUTS, "--baseDir", root], {
    stdout: output,
    stderr: output,
    readFile: (name, folder) => {
      const file = path.resolve(folder, name);
      const given = texts[path.relative(root, file)];
      if (given !== undefined) return given;
      const text = orNull(() => readFileSync(file, "utf8"));
      looked.set(file, text === null ? null : createHash("sha256").update(text).digest("base64url"));
      return text;
    },
    writeFile: (name, content) => {
      written.set(path.basename(name), content);
    },
    listFiles: (name, folder) =>
      orNull(() => readdirSync(path.resolve(folder, name)).filter((file) => SOURCE.test(file))),
  });
  const wasm = written.get("module.wasm");
  const map = String(written.get("module.wasm.map") ?? "");
  const made = error === null && wasm instanceof Uint8Array ? { wasm, map } : undefined;
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

parentPort?.on("message", async ({ id, job }) => {
  parentPort?.postMessage({ id, answer: await compile(job) });
});
process.on("message", async (job) => {
  const answer = await compile(/** @type {import("./run-compiler.js").CompilerJob} */ (job));
  process.send?.(answer, () => process.disconnect());
});
