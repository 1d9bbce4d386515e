// Keeps compiled modules by the content of all their inputs, so that the same sources are compiled
// once, by the first process in any checkout. The compiler says which files it read and which it
// looked for in vain. An entry is valid only if each of them is unchanged. The cache is optional:
// what cannot be read or written is compiled.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { cacheFolder } from "../../envoy/runtime/find.js";
import { writeAtomically } from "../../envoy/runtime/live-file.js";
import type { CompilerAnswer, CompilerJob, Made } from "./run-compiler.js";

/** Change this number when the layout of entries changes, so that no old entry is misread. */
const LAYOUT = 1;
const LIMIT_BYTES = 256 * 1024 * 1024;
/** Enough for a few branches. More would make every lookup slower. */
const VERSIONS_OF_A_JOB = 12;

/** The first line of an entry; the compressed module and map follow. */
interface Head {
  /**
   * Pairs of a file, below the job's root or beside it, and its digest; null for a missing file.
   */
  readonly looked: readonly (readonly [name: string, digest: string | null])[];
  readonly wasmBytes: number;
  /** The digest of what follows this line. */
  readonly digest: string;
}

export interface CacheOptions {
  /** Default: `modules` in this user's cache folder. */
  readonly folder?: string;
  /** Most bytes of all entries. The least recently used goes first. */
  readonly limitBytes?: number;
  /** Default: the version of the installed compiler. */
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

  /** The result of compiling exactly these sources, if it is known. */
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

  /** Keeps a result of the compiler, if it compiled successfully. */
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
      // A cache that is full or cannot be written must not stop a build.
    }
  }

  /**
   * The folder for the inputs that matter most. Its versions differ in the files that the entry
   * file imports.
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

/**
 * Whether the entry is complete: not still being written, nor left by a process that was killed.
 */
function isWhole({ file }: Entry): boolean {
  return !path.basename(file).startsWith(".");
}

function newestFirst(one: Entry, other: Entry): number {
  return other.usedAt - one.usedAt;
}

/** Newest first. Entries that another process has just removed are left out. */
async function entriesIn(folder: string): Promise<readonly Entry[]> {
  // During a rename a file may be listed several times.
  const names = new Set(await readdir(folder).catch(() => []));
  const entries = [...names].map(async (name): Promise<readonly Entry[]> => {
    const file = path.join(folder, name);
    const facts = await stat(file).catch(() => undefined);
    return facts === undefined ? [] : [{ file, bytes: facts.size, usedAt: facts.mtimeMs }];
  });
  return (await Promise.all(entries)).flat().sort(newestFirst);
}

/** Reads an entry, and removes it if it is broken. */
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

/** The digest of the text that the compiler reads; null if there is no file. */
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
