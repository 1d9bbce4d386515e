// Keeps the compiler loaded and compiles the jobs that it is sent, as a process of
// `run-compiler.ts`. It is plain JavaScript, because the process starts without the loader that
// runs the sources of a checkout.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import asc from "assemblyscript/asc";

/** Source files, without those that have types alone. */
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

process.on("message", async (job) => {
  process.send?.(await compile(/** @type {import("./run-compiler.js").CompilerJob} */ (job)));
});
