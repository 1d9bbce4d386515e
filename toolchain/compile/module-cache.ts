// Keeps compiled modules by the content of everything that they were made of. The same sources are
// thus compiled once, by the first process in any checkout. The compiler says which files it read
// and which it did not find; an entry counts only where all of them are unchanged. The cache is
// optional: where it cannot be read or written, the sources are compiled.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { writeAtomically } from "../../envoy/runtime/atomic-file.js";
import { cacheFolder } from "../../envoy/runtime/find.js";
import type { CompilerAnswer, CompilerJob, Made } from "./run-compiler.js";

/** A new layout of entries gets a new number, so that no old entry is misread. */
const LAYOUT = 1;
const LIMIT_BYTES = 256 * 1024 * 1024;
/** Enough for a few branches. More would make every search for a new version longer. */
const VERSIONS_OF_A_JOB = 12;

/** The line before an entry's compressed module and map. */
interface Head {
  /** The digest of each file below the job's root, or beside it; null for a missing file. */
  readonly looked: readonly (readonly [name: string, digest: string | null])[];
  readonly wasmBytes: number;
  /** The digest of what follows the line. */
  readonly digest: string;
}

export interface CacheOptions {
  /** The cache's folder. Default: `modules` in this user's cache folder. */
  readonly folder?: string;
  /**
   * The most bytes that all entries may have. Entries that were unused for longest are removed
   * first.
   */
  readonly limitBytes?: number;
  /** The compiler's version. Default: that of the installed compiler. */
  readonly compilerVersion?: string;
}

export class ModuleCache {
  readonly #folder: string;
  readonly #limit: number;
  readonly #version: string;

  constructor(options: CacheOptions = {}) {
    this.#folder = options.folder ?? path.join(cacheFolder(process.env), "modules");
    this.#limit = options.limitBytes ?? LIMIT_BYTES;
    this.#version = options.compilerVersion ?? compilerVersion();
  }

  /** The compiler's output for exactly these sources. */
  async find(job: CompilerJob): Promise<Made | undefined> {
    const digests = new Map<string, string | null>();
    const folder = this.#folderOf(job, digestOfFile(path.join(job.root, job.entry)));
    for (const { file } of (await entriesIn(folder)).filter(isWhole)) {
      const made = await readEntry(file, (name) => {
        const known = digests.get(name);
        if (known !== undefined) return known;
        const digest = digestOfFile(path.resolve(job.root, name));
        digests.set(name, digest);
        return digest;
      });
      if (made === undefined) continue;
      const now = new Date();
      await utimes(file, now, now).catch(() => {});
      return made;
    }
    return undefined;
  }

  /** Keeps the compiler's output, where there is one. */
  async keep(job: CompilerJob, { made, looked }: CompilerAnswer): Promise<void> {
    if (made === undefined) return;
    const names = looked.map(([file, digest]) => [path.relative(job.root, file), digest] as const);
    const content = gzipSync(Buffer.concat([made.wasm, Buffer.from(made.map)]), { level: 1 });
    const head: Head = { looked: names, wasmBytes: made.wasm.length, digest: digestOf(content) };
    const entryDigest = looked.find(([file]) => file === path.join(job.root, job.entry))?.[1] ?? null;
    const folder = this.#folderOf(job, entryDigest);
    try {
      await mkdir(folder, { recursive: true });
      const file = path.join(folder, digestOf(JSON.stringify(names)));
      await writeAtomically(file, Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), content]));
      await this.#makeRoom(folder);
    } catch {
      // A build goes on where the cache cannot be written to or is full.
    }
  }

  /**
   * The folder for a job and the text of its entry file. The entries in it differ in the files that
   * the entry file leads to.
   */
  #folderOf({ entry, args, texts = {} }: CompilerJob, entryDigest: string | null): string {
    const text = texts[entry] === undefined ? entryDigest : null;
    const facts = [LAYOUT, this.#version, entry, text, args, texts];
    return path.join(this.#folder, digestOf(JSON.stringify(facts)));
  }

  async #makeRoom(folder: string): Promise<void> {
    const versions = (await entriesIn(folder)).filter(isWhole);
    for (const { file } of versions.slice(VERSIONS_OF_A_JOB)) await rm(file, { force: true });
    const folders = await readdir(this.#folder);
    const all = await Promise.all(folders.map((name) => entriesIn(path.join(this.#folder, name))));
    let room = this.#limit;
    for (const { file, bytes } of all.flat().sort(newestFirst)) {
      room -= bytes;
      if (room < 0) await rm(file, { force: true });
    }
  }
}

interface Entry {
  readonly file: string;
  readonly bytes: number;
  readonly usedAt: number;
}

/** False for a file that is still being written, or that a killed process left. */
function isWhole({ file }: Entry): boolean {
  return !path.basename(file).startsWith(".");
}

function newestFirst(one: Entry, other: Entry): number {
  return other.usedAt - one.usedAt;
}

/** Newest first. Entries that another process has just removed are left out. */
async function entriesIn(folder: string): Promise<readonly Entry[]> {
  // While files are renamed, one may be listed several times.
  const names = new Set(await readdir(folder).catch(() => []));
  const entries = [...names].map(async (name): Promise<readonly Entry[]> => {
    const file = path.join(folder, name);
    const facts = await stat(file).catch(() => undefined);
    return facts === undefined ? [] : [{ file, bytes: facts.size, usedAt: facts.mtimeMs }];
  });
  return (await Promise.all(entries)).flat().sort(newestFirst);
}

/** Removes an entry that is broken. */
async function readEntry(
  file: string,
  digestNow: (name: string) => string | null,
): Promise<Made | undefined> {
  const bytes = await readFile(file).catch(() => undefined);
  if (bytes === undefined) return undefined;
  try {
    const end = bytes.indexOf("\n");
    const head = JSON.parse(bytes.toString("utf8", 0, end)) as Head;
    if (!head.looked.every(([name, digest]) => digestNow(name) === digest)) return undefined;
    const content = bytes.subarray(end + 1);
    if (digestOf(content) !== head.digest) throw new Error("the entry is not whole");
    const whole = gunzipSync(content);
    return { wasm: whole.subarray(0, head.wasmBytes), map: whole.toString("utf8", head.wasmBytes) };
  } catch {
    await rm(file, { force: true }).catch(() => {});
    return undefined;
  }
}

/** The text as the compiler reads it; null where it would find no file. */
function digestOfFile(file: string): string | null {
  try {
    return digestOf(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

function digestOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("base64url");
}

function compilerVersion(): string {
  const { version } = createRequire(import.meta.url)("assemblyscript/package.json") as { version: string };
  return version;
}
