// Filters of an author's package outside of this one: where they are compiled, and what is
// reported.

import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { loadModule } from "../../kit/host/load.js";
import { buildBundle } from "../bundle/bundle.js";
import { buildFilters } from "../compile/build.js";
import { filterModule } from "../compile/filter-module.js";
import { SourceMap } from "../compile/source-map.js";
import { WarmModules } from "../compile/warm-modules.js";
import { findMember, ownFilterNames } from "./member.js";
import "../../test/support/source-reader.js";

const ABI = `import "meshwright/assembly/exports/plugin";
export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize { return heap.alloc(size); }
`;
const TICK = `${ABI}export function proxy_on_tick(id: u32): void {}\n`;
const WITH_SDK = `import { Bytes, FilterHeadersStatus, HttpContext, RootContext, registerRootContext, requestHeaders } from "meshwright/assembly";
export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "meshwright/assembly/exports/plugin";
export { proxy_on_context_create, proxy_on_request_headers } from "meshwright/assembly/exports/stateless";
class Context extends HttpContext {
  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    requestHeaders.add(Bytes.of("x-by"), Bytes.of("mine"));
    return FilterHeadersStatus.Continue;
  }
}
class Root extends RootContext {
  private context: HttpContext = new Context();
  sharedHttpContext(): HttpContext | null {
    return this.context;
  }
}
registerRootContext((id: u32) => new Root(id));
`;

let folder: string;
let author: string;
const here = process.cwd();

beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "meshwright-author-")));
  author = await packageAt(path.join(folder, "author"));
  await install(author);
  process.chdir(author);
});
afterEach(async () => {
  process.chdir(here);
  await rm(folder, { recursive: true, force: true });
});

async function packageAt(place: string): Promise<string> {
  await mkdir(place, { recursive: true });
  await writeFile(path.join(place, "package.json"), "{}\n");
  return place;
}

async function install(place: string): Promise<void> {
  await mkdir(path.join(place, "node_modules"), { recursive: true });
  await symlink(PACKAGE_ROOT, path.join(place, "node_modules/meshwright"), "dir");
}

async function filter(name: string, source: string, root = author): Promise<string> {
  const room = path.join(root, "filters", name);
  await mkdir(room, { recursive: true });
  await writeFile(path.join(room, "index.ts"), source);
  return room;
}

async function refusal(filters: readonly string[]): Promise<MeshwrightError> {
  const error = await buildFilters(filters).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MeshwrightError);
  return error as MeshwrightError;
}

describe("an author's filter", () => {
  test("is compiled in its package, by name from any folder of it, and its sources are named relative to it", async () => {
    await filter("mine", WITH_SDK);
    process.chdir(await mkdtemp(path.join(author, "filters/")));
    const [built] = await buildFilters(["mine"]);
    expect(built).toMatchObject({
      name: "mine",
      path: path.join(author, "build/mine.wasm"),
      upToDate: false,
    });
    const module = loadModule(built?.path ?? "");
    module.configure("{}");
    expect(module.exchange([[":path", "/"]]).request).toContainEqual(["x-by", "mine"]);
    const { sources } = JSON.parse(await readFile(`${built?.path}.map`, "utf8"));
    expect(sources).toContain("filters/mine/index.ts");
    expect(sources).toContain("meshwright/assembly/dispatcher.ts");
    expect(sources.join("\n")).not.toContain("~lib/meshwright");
    expect((await buildFilters(["mine"]))[0]?.upToDate).toBe(true);
    expect((await readdir(path.join(author, "build"))).sort()).toEqual([
      "mine.debug.wasm",
      "mine.wasm",
      "mine.wasm.map",
      "schemas",
    ]);
  }, 120_000);

  test("is built again when one of its files changes, whatever the file's time is, and for no other file", async () => {
    const room = await filter("mine", `export { WORD } from "./words";\n${TICK}`);
    const words = path.join(room, "words.ts");
    const say = async (word: number) => {
      await writeFile(words, `export const WORD = ${word};\n`);
      await utimes(words, 500_000_000, 500_000_000);
    };
    await say(1);
    const upToDate = async () => (await buildFilters(["mine"]))[0]?.upToDate;
    expect([await upToDate(), await upToDate()]).toEqual([false, true]);
    await writeFile(path.join(room, "other.ts"), "export const A = 1;\n");
    expect(await upToDate()).toBe(true);
    await say(2);
    expect([await upToDate(), await upToDate()]).toEqual([false, true]);
    await writeFile(path.join(author, "build/mine.wasm"), "spoiled");
    expect([await upToDate(), await upToDate()]).toEqual([false, true]);
  }, 120_000);

  test("finds meshwright in node_modules of a folder above", async () => {
    await install(folder);
    const hoisted = await packageAt(path.join(folder, "workspace/one"));
    const [built] = await buildFilters([await filter("mine", TICK, hoisted)]);
    expect(built?.path).toBe(path.join(hoisted, "build/mine.wasm"));
  }, 120_000);

  test("finds meshwright's dependencies where meshwright is a link, as with pnpm", async () => {
    const store = path.join(folder, "store/node_modules");
    for (const part of ["assembly", "asconfig.json", "package.json"]) {
      await cp(path.join(PACKAGE_ROOT, part), path.join(store, "meshwright", part), { recursive: true });
    }
    await symlink(path.join(PACKAGE_ROOT, "node_modules/@solo-io"), path.join(store, "@solo-io"), "dir");
    const linked = await packageAt(path.join(folder, "linked"));
    await mkdir(path.join(linked, "node_modules"));
    await symlink(path.join(store, "meshwright"), path.join(linked, "node_modules/meshwright"), "dir");
    const [built] = await buildFilters([await filter("mine", WITH_SDK, linked)]);
    expect(built?.callbacks).toContain("proxy_on_request_headers");
  }, 120_000);

  test("is refused with a remedy where meshwright is not installed, and where there is no package", async () => {
    const bare = await packageAt(path.join(folder, "bare"));
    expect((await refusal([await filter("mine", TICK, bare)])).message).toBe(
      `meshwright is not installed in ${bare}: run \`npm install --save-dev meshwright\` there`,
    );
    expect((await refusal([await filter("mine", TICK, path.join(folder, "none"))])).message).toMatch(
      /none\/filters\/mine\/index\.ts is not in a package: run `npm init`/,
    );
  });

  test("is refused with its own lines, and with the SDK's names as it imports them", async () => {
    await filter("typed", `${TICK}const a: i32 = "text";`);
    const typed = await refusal(["typed"]);
    expect(typed.message).toMatch(/^filters\/typed\/index\.ts does not compile/);
    expect(typed.details.join("\n")).toMatch(/TS2322.*filters\/typed\/index\.ts\(5,16\)/s);
    await filter("linked", `${ABI}export function proxy_on_tick(id: u32): void {\n  Math.random();\n}`);
    expect((await refusal(["linked"])).details).toEqual([
      "filters/linked/index.ts:5: Math.random() needs env.seed: use randomBelow or randomBytes of the SDK instead",
    ]);
    await filter("started", `${TICK}const list: i32[] = [];\nexport const first = list[list.length + 7];`);
    expect((await refusal(["started"])).details).toEqual([
      expect.stringMatching(/^filters\/started\/index\.ts:6: Index out of range/),
    ]);
    await filter("silent", WITH_SDK.replace("class Root extends RootContext {", "$&\n  onTick(): void {}"));
    expect((await refusal(["silent"])).details).toEqual([
      "index.ts:11: onTick is never called: export proxy_on_tick from meshwright/assembly/exports/plugin",
    ]);
    await filter("rootless", WITH_SDK.replace(/^registerRootContext.*$/m, ""));
    expect((await refusal(["rootless"])).message).toBe("filters/rootless/index.ts makes no filter");
  }, 120_000);

  test("may import only the entries of meshwright, and each refused line names the entry that has its names", async () => {
    const room = await filter(
      "mine",
      `import { Bytes as B, HttpContext } from "meshwright/assembly";
import {
  Config,
  ConfigNode,
} from "meshwright/assembly/text/config";
import { MatchList, matchesOf } from "meshwright/assembly/rules/match-list";
import { LIMIT } from "./local";
export { malloc } from "../../node_modules/meshwright/assembly/exports/plugin";
// import { view } from "meshwright/assembly/abi/memory";
const text = 'import { view } from "meshwright/assembly/abi/memory"';
${TICK}`,
    );
    await mkdir(path.join(room, "local"));
    await writeFile(
      path.join(room, "local/index.ts"),
      `import "../index";
import * as gone from "meshwright/assembly/matching/rule-selection";
import "~lib/meshwright/assembly/abi/abort";
export { Context, makeHeaderPair as pair } from "meshwright/proxy-runtime/implementation/context";
export const LIMIT = 1;
`,
    );
    const { message, details } = await refusal(["mine"]);
    expect(message).toBe("filters/mine/index.ts imports files of meshwright that are not entries");
    expect(details).toEqual([
      "filters/mine/index.ts:5: meshwright/assembly/text/config is not an entry: meshwright/assembly/config has Config, ConfigNode",
      "filters/mine/index.ts:6: meshwright/assembly/rules/match-list is not an entry: meshwright/assembly/rules has MatchList; no entry has matchesOf",
      "filters/mine/index.ts:8: ../../node_modules/meshwright/assembly/exports/plugin is not an entry: meshwright/assembly/exports/plugin has malloc",
      expect.stringMatching(
        /^filters\/mine\/local\/index\.ts:2: meshwright\/assembly\/matching\/rule-selection is not an entry: the entries are meshwright\/assembly, meshwright\/assembly\/rules, /,
      ),
      expect.stringMatching(
        /^filters\/mine\/local\/index\.ts:3: ~lib\/meshwright\/assembly\/abi\/abort is not an entry: the entries are /,
      ),
      "filters/mine/local/index.ts:4: meshwright/proxy-runtime/implementation/context is not an entry: meshwright/proxy-runtime has Context, makeHeaderPair",
    ]);
    await expect(buildBundle("edge", ["trace-headers", "mine"])).rejects.toThrow(
      /imports files of meshwright that are not entries/,
    );
    using modules = await WarmModules.create(path.join(folder, "warm"));
    const entry = path.join(room, "index.ts");
    expect(await modules.build({ name: "mine", entry })).toMatchObject({ message, details });
  }, 120_000);

  test("cannot have the name of one that comes with meshwright, and is not found by a wrong name", async () => {
    await filter("trace-headers", TICK);
    await filter("mine", TICK);
    for (const text of ["trace-headers", "./filters/trace-headers"]) {
      expect(await refusal([text])).toMatchObject({
        code: "usage",
        message: expect.stringMatching(/"trace-headers" is taken/),
      });
    }
    expect((await refusal(["mime"])).message).toMatch(/no filter "mime".* trace-headers.*, mine/);
    await filter(".mine.1.partial", TICK);
    expect(ownFilterNames()).toEqual(["mine", "trace-headers"]);
  });
});

describe("a bundle in an author's package", () => {
  test("has one SDK for its own filters and those of the catalog", async () => {
    await filter("mine", WITH_SDK);
    const [catalog, bundle] = await buildBundle("edge", ["trace-headers", "mine"]);
    expect(catalog?.path).toBe(path.join(PACKAGE_ROOT, "build/trace-headers.wasm"));
    expect(bundle?.path).toBe(path.join(author, "build/edge.wasm"));
    const map = new SourceMap(await readFile(`${bundle?.path}.map`, "utf8"));
    expect(map.find(/^export function registerRootContext/).map(({ source }) => source)).toEqual([
      "meshwright/assembly/dispatcher.ts",
    ]);
    const module = loadModule(bundle?.path ?? "");
    expect(module.configure('{"trace-headers": {}, "mine": {}}')).toEqual({ accepted: true, logs: [] });
    expect(module.exchange([[":path", "/"]]).request.map(([name]) => name)).toEqual([
      ":path",
      "traceparent",
      "x-by",
    ]);
    expect((await buildBundle("edge", ["trace-headers", "mine"]))[1]?.upToDate).toBe(true);
  }, 120_000);

  test("cannot have filters of two packages", async () => {
    await filter("mine", TICK);
    const other = await packageAt(path.join(folder, "other"));
    await install(other);
    await expect(buildBundle("edge", ["mine", await filter("theirs", TICK, other)])).rejects.toThrow(
      /cannot be bundled: put them in one package/,
    );
  });
});

describe("the schema beside an author's filter", () => {
  const schemaOf = async (text: string) => {
    await writeFile(path.join(await filter("mine", TICK), "schema.ts"), text);
    return (await findMember("mine")).schema;
  };

  test("is read in its current form, with types and the author's own zod", async () => {
    const own = path.join(author, "node_modules/zod");
    await symlink(path.join(PACKAGE_ROOT, "node_modules/zod"), own, "dir");
    const text = (max: number) =>
      `import { z } from "zod";\nconst MAX: number = ${max};\nexport const mineSchema = z.strictObject({ limit: z.number().max(MAX) });\n`;
    expect((await schemaOf(text(5))).safeParse({ limit: 7 }).success).toBe(false);
    expect((await schemaOf(text(9))).safeParse({ limit: 7 }).success).toBe(true);
  });

  test.each([
    [
      "exports none",
      "export const schema = {};",
      /exports no schema of zod 4 under a name that ends in Schema/,
    ],
    ["exports something else by that name", "export const mineSchema = { parse() {} };", /exports no schema/],
    ["throws", 'throw new Error("first\\nsecond");', /schema\.ts cannot be read: first$/],
    ["is not TypeScript", "export const = ;", /schema\.ts cannot be read: /],
    [
      "imports a missing package",
      'import "no-such-package";',
      /schema\.ts cannot be read: .*no-such-package/,
    ],
  ])("that %s is reported with its path", async (_, text, message) => {
    await expect(schemaOf(text)).rejects.toMatchObject({
      code: "build",
      message: expect.stringMatching(message),
    });
  });

  test("that is not TypeScript is reported with its line", async () => {
    await expect(schemaOf("\nexport const = ;")).rejects.toMatchObject({
      details: [expect.stringMatching(/schema\.ts:2:\d+: /)],
    });
  });
});

describe("a filter's module for a test", () => {
  test("is the same for all simultaneous callers, and a new one after a change", async () => {
    const room = await filter("mine", TICK);
    const modules = await Promise.all([filterModule("mine"), filterModule(room), filterModule("mine")]);
    expect(new Set(modules)).toEqual(new Set([path.join(author, "build/mine.wasm")]));
    const before = await readFile(modules[0] ?? "");
    await filter("mine", TICK.replace("proxy_on_tick", "proxy_on_log"));
    expect(await readFile(await filterModule("mine"))).not.toEqual(before);
    expect((await readdir(path.join(author, "build"))).filter((name) => name.startsWith("."))).toEqual([]);
  }, 120_000);

  test.each([
    ["has ended", 2 ** 22 + 1],
    ["has ended, and whose number another one has now", process.ppid],
  ])(
    "does not wait for a process that %s",
    async (_what, pid) => {
      await filter("mine", TICK);
      await mkdir(path.join(author, "build"));
      await writeFile(path.join(author, "build/.mine.build-lock"), String(pid));
      expect(await filterModule("mine")).toBe(path.join(author, "build/mine.wasm"));
    },
    120_000,
  );

  test("is the one in $MESHWRIGHT_MODULES where that has one", async () => {
    await filter("mine", TICK);
    const given = path.join(folder, "given");
    await mkdir(given);
    await writeFile(path.join(given, "mine.wasm"), "");
    process.env.MESHWRIGHT_MODULES = given;
    try {
      expect(await filterModule("mine")).toBe(path.join(given, "mine.wasm"));
    } finally {
      delete process.env.MESHWRIGHT_MODULES;
    }
  });
});
