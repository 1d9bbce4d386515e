// The cache of compiled modules returns what the compiler would make of the sources as they are
// now, and nothing else.

import { existsSync } from "node:fs";
import {
  appendFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type CacheOptions, ModuleCache } from "./module-cache.js";
import { type CompilerAnswer, type CompilerJob, runCompiler } from "./run-compiler.js";

const SOURCES: Readonly<Record<string, string>> = {
  "index.ts": `import { shown } from "./parts";
import { packaged } from "lib/index";
export function sum(): i32 { return shown() + packaged(); }
`,
  "parts/index.ts": 'export * from "../inner";\n',
  "inner.ts": "export function shown(): i32 { return 1; }\n",
  "asconfig.json": '{ "options": { "runtime": "stub", "optimizeLevel": 0 } }',
};
const ENTRY = "index.ts";
const ARGS = ["--config", "asconfig.json", "--use", "abort=", "--sourceMap", "--debug"];

/** Compiled once: each test begins with an entry for these sources, in its own folder. */
let made: CompilerAnswer;
let template: string;
let folder: string;
let root: string;
let job: CompilerJob;

beforeAll(async () => {
  template = await mkdtemp(path.join(tmpdir(), "meshwright-cache-"));
  for (const [name, text] of Object.entries(SOURCES)) {
    await mkdir(path.dirname(path.join(template, "root", name)), { recursive: true });
    await writeFile(path.join(template, "root", name), text);
  }
  for (const [name, value] of [
    ["lib", 1],
    ["lib-2", 2],
  ] as const) {
    await mkdir(path.join(template, "packages", name), { recursive: true });
    await writeFile(
      path.join(template, "packages", name, "index.ts"),
      `export function packaged(): i32 { return ${value}; }\n`,
    );
  }
  await mkdir(path.join(template, "root/node_modules"));
  await symlink("../../packages/lib", path.join(template, "root/node_modules/lib"));
  made = await runCompiler({ root: path.join(template, "root"), entry: ENTRY, args: ARGS });
  expect(made.output).toBe("");
}, 60_000);
afterAll(() => rm(template, { recursive: true, force: true }));

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-cache-"));
  await cp(template, folder, { recursive: true, verbatimSymlinks: true });
  root = path.join(folder, "root");
  job = { root, entry: ENTRY, args: ARGS };
  await keep();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const cacheFolder = () => path.join(folder, "cache");
const cache = (options: CacheOptions = {}) => new ModuleCache({ folder: cacheFolder(), ...options });
const write = (name: string, text: string) => writeFile(path.join(root, name), text);
/**
 * Keeps these sources as the process that compiled them would. Parts of the job can be replaced.
 */
const keep = (other: Partial<CompilerJob> = {}, options: CacheOptions = {}) =>
  cache(options).keep({ ...job, ...other, root: path.join(template, "root") }, made);
const isKnown = async (other: Partial<CompilerJob> = {}) =>
  (await cache().find({ ...job, ...other })) !== undefined;
/** The files of all entries, as absolute paths. */
async function entryFiles(): Promise<readonly string[]> {
  const names = await readdir(cacheFolder(), { recursive: true, withFileTypes: true });
  return names.filter((each) => each.isFile()).map((each) => path.join(each.parentPath, each.name));
}

test("the same sources in another folder are found, with module and map", async () => {
  expect(await cache().find(job)).toEqual({ wasm: Buffer.from(made.made?.wasm ?? []), map: made.made?.map });
});

describe("sources are compiled again when", () => {
  test.each<readonly [string, () => Promise<unknown>]>([
    ["the entry changed", () => appendFile(path.join(root, "index.ts"), "// more\n")],
    [
      "a file changed that is reached only by a re-export",
      () => write("inner.ts", "export function shown(): i32 { return 2; }\n"),
    ],
    ["the compiler's options changed", () => write("asconfig.json", '{ "options": { "optimizeLevel": 3 } }')],
    ["a file was renamed", () => rename(path.join(root, "inner.ts"), path.join(root, "outer.ts"))],
    ["a new file comes before one that was imported", () => write("parts.ts", SOURCES["inner.ts"] ?? "")],
    [
      "a package is another version",
      () => appendFile(path.join(folder, "packages/lib/index.ts"), "// patched\n"),
    ],
    [
      "the link of a package points elsewhere",
      async () => {
        await rm(path.join(root, "node_modules/lib"));
        await symlink("../../packages/lib-2", path.join(root, "node_modules/lib"));
      },
    ],
    ["a package is gone", () => rm(path.join(root, "node_modules/lib"))],
  ])("%s, and not when everything is as before", async (_, change) => {
    await cp(root, path.join(folder, "before"), { recursive: true, verbatimSymlinks: true });
    await cp(path.join(folder, "packages"), path.join(folder, "packages-before"), { recursive: true });
    await change();
    expect(await isKnown()).toBe(false);
    for (const [from, to] of [
      ["before", "root"],
      ["packages-before", "packages"],
    ] as const) {
      await rm(path.join(folder, to), { recursive: true });
      await rename(path.join(folder, from), path.join(folder, to));
    }
    expect(await isKnown()).toBe(true);
  });

  test("the compiler changed", async () => {
    expect(await cache({ compilerVersion: "0.0.1" }).find(job)).toBeUndefined();
  });

  test("the entry, an option or a text that is not on the disk changed", async () => {
    expect(await isKnown({ entry: "inner.ts" })).toBe(false);
    expect(await isKnown({ args: [...ARGS, "-O0"] })).toBe(false);
    expect(await isKnown({ texts: { "index.ts": "export const A = 1;\n" } })).toBe(false);
  });
});

test("a file that the compiler did not look for has no effect", async () => {
  await write("unrelated.ts", "nothing\n");
  expect(await isKnown()).toBe(true);
});

test("every version of the sources is kept separately", async () => {
  await write("inner.ts", "export function shown(): i32 { return 2; }\n");
  const second = await runCompiler(job);
  await cache().keep(job, second);
  expect((await cache().find(job))?.wasm).toEqual(Buffer.from(second.made?.wasm ?? []));
  await write("inner.ts", SOURCES["inner.ts"] ?? "");
  expect((await cache().find(job))?.wasm).toEqual(Buffer.from(made.made?.wasm ?? []));
}, 60_000);

test("sources that the compiler refused are not kept", async () => {
  const other = { ...job, entry: "other.ts" };
  await cache().keep(other, { output: "refused", looked: [] });
  expect(await cache().find(other)).toBeUndefined();
});

test.each([
  ["cut off", (bytes: Buffer) => bytes.subarray(0, -10)],
  [
    "changed in a byte",
    (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -9), Buffer.from([7]), bytes.subarray(-8)]),
  ],
  ["empty", () => Buffer.alloc(0)],
  ["no entry", () => Buffer.from("{}\nnothing")],
])("an entry that is %s is removed", async (_, spoil) => {
  const [file = ""] = await entryFiles();
  await writeFile(file, spoil(await readFile(file)));
  expect(await isKnown()).toBe(false);
  expect(existsSync(file)).toBe(false);
});

test("the entry that was unused for longest is removed first when there is no room", async () => {
  const [file = ""] = await entryFiles();
  const { length } = await readFile(file);
  const others = [1, 2].map((n) => ({ ...job, args: [`--${n}`] }));
  await utimes(file, 1_000, 1_000);
  await keep(others[0]);
  expect(await isKnown()).toBe(true);
  await utimes((await entryFiles()).find((each) => each !== file) ?? "", 2_000, 2_000);
  await keep(others[1], { limitBytes: 2.5 * length });
  expect(await Promise.all([job, ...others].map((each) => isKnown(each)))).toEqual([true, false, true]);
});

test("a cache that cannot be written to finds nothing, and does not fail", async () => {
  const nowhere = new ModuleCache({ folder: path.join(root, "index.ts") });
  await nowhere.keep(job, made);
  expect(await nowhere.find(job)).toBeUndefined();
});

test("many writers at a time leave whole entries", async () => {
  await rm(cacheFolder(), { recursive: true });
  const found = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      if (i % 2 === 0) await keep();
      return cache().find(job);
    }),
  );
  for (const each of found) if (each !== undefined) expect(each.map).toBe(made.made?.map);
  expect(await isKnown()).toBe(true);
  expect(await entryFiles()).toHaveLength(1);
});
