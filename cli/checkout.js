// The command of a checkout: the sources of now as a few files of JavaScript. A loader that runs
// 300 sources one by one takes a second and a half of CPU time more at every start. The files are
// kept by the content of their sources, so a stale command is impossible.

import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ENTRY = "cli/main.ts";
/** What the files depend on besides the sources. */
const SETTINGS = ["cli/checkout.js", "tsconfig.json", "package-lock.json"];
const SOURCES = "sources.json";
/** Older files are removed. A command that runs may still load some of its own. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000;

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.join(root, ".meshwright/command");

/**
 * The path of the compiled `cli/main.ts`. Rejects where the sources cannot be compiled.
 * @returns {Promise<string>}
 */
export async function commandOfCheckout() {
  /** @type {Map<string, string>} */
  const digests = new Map();
  const made = versions().find((version) => isOfNow(version, digests)) ?? (await compile());
  return path.join(folder, made, "main.js");
}

/** The folders of versions, the newest first. */
function versions() {
  const names = orElse(() => readdirSync(folder), []).filter((name) => !name.startsWith("."));
  return names.sort((one, other) => madeAt(other) - madeAt(one));
}

/** @param {string} version */
function madeAt(version) {
  return orElse(() => statSync(path.join(folder, version, SOURCES)).mtimeMs, 0);
}

/**
 * @param {string} version
 * @param {Map<string, string>} digests those that are known, by the sources' names
 */
function isOfNow(version, digests) {
  const text = orElse(() => readFileSync(path.join(folder, version, SOURCES), "utf8"), "null");
  /** @type {Record<string, string> | null} */
  const sources = JSON.parse(text);
  return (
    sources !== null &&
    Object.entries(sources).every(([name, digest]) => {
      const now = digests.get(name) ?? digestOf(name);
      digests.set(name, now);
      return now === digest;
    })
  );
}

async function compile() {
  const { build } = await import("esbuild");
  const began = Date.now();
  mkdirSync(folder, { recursive: true });
  const outdir = path.join(folder, `.${randomUUID()}`);
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [ENTRY],
    outdir,
    bundle: true,
    splitting: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node20.19",
    keepNames: true,
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    logLevel: "silent",
  });
  const names = [...SETTINGS, ...Object.keys(metafile.inputs)];
  const sources = JSON.stringify(Object.fromEntries(names.map((name) => [name, digestBefore(name, began)])));
  writeFileSync(path.join(outdir, SOURCES), sources);
  const version = createHash("sha256").update(sources).digest("hex").slice(0, 16);
  try {
    renameSync(outdir, path.join(folder, version));
  } catch {
    // Another process has made the same files meanwhile.
    rmSync(outdir, { recursive: true, force: true });
  }
  for (const old of versions()) {
    if (madeAt(old) < Date.now() - KEPT_MS) rmSync(path.join(folder, old), { recursive: true, force: true });
  }
  return version;
}

/**
 * The digest of a file that was not saved since.
 * @param {string} name
 * @param {number} time in milliseconds
 */
function digestBefore(name, time) {
  const digest = digestOf(name);
  const isOlder = orElse(() => statSync(path.join(root, name)).mtimeMs < time, true);
  return isOlder ? digest : "saved meanwhile";
}

/**
 * Of a file below the checkout; empty where there is none.
 * @param {string} name
 */
function digestOf(name) {
  const text = orElse(() => readFileSync(path.join(root, name)), undefined);
  return text === undefined ? "" : createHash("sha256").update(text).digest("base64url");
}

/**
 * @template T
 * @param {() => T} attempt
 * @param {T} otherwise
 * @returns {T}
 */
function orElse(attempt, otherwise) {
  try {
    return attempt();
  } catch {
    return otherwise;
  }
}
