// What the build refuses in addition to the compiler, and what it writes.

import { writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { MeshwrightError } from "../../envoy/errors.js";
import { readModule } from "../../envoy/module/read.js";
import { findMember } from "../package/member.js";
import { buildFilters, compileModule } from "./build.js";
import { debugModulePath } from "./compile.js";
import { SourceMap } from "./source-map.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

afterEach(() => void vi.unstubAllEnvs());

/**
 * An author's package, a new one each time. What was compiled in an earlier one is taken from the
 * cache.
 */
async function newPackage(): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "meshwright-build-")));
  folders.push(folder);
  await mkdir(path.join(folder, "node_modules"));
  await symlink(ROOT, path.join(folder, "node_modules/meshwright"), "dir");
  await writeFile(path.join(folder, "package.json"), "{}\n");
  return folder;
}

const PLUGIN =
  'export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "meshwright/assembly/exports/plugin";';
const IMPORTS =
  'import { FilterHeadersStatus, HttpContext, LogLevel, log, RootContext, registerRootContext, Task } from "meshwright/assembly";';
const ABI = `import "meshwright/assembly/exports/plugin";
export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize { return heap.alloc(size); }`;

async function build(source: string, options = {}): Promise<string> {
  const folder = await newPackage();
  await writeFile(path.join(folder, "index.ts"), source);
  const out = path.join(folder, "out.wasm");
  await compileModule(path.join(folder, "index.ts"), out, options);
  return out;
}

/** The message and the lines below it. */
async function refusal(
  source: string,
  options = {},
): Promise<{ message: string; details: readonly string[] }> {
  const error = await build(source, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MeshwrightError);
  const { code, message, details } = error as MeshwrightError;
  expect(code).toBe("build");
  return { message, details };
}

test("a type error is reported in the compiler's own lines", async () => {
  const { message, details } = await refusal(`${PLUGIN}\nconst a: i32 = "text";`);
  expect(message).toContain("index.ts does not compile");
  expect(details.join("\n")).toMatch(/TS2322.*index\.ts\(2,16\)/s);
});

test("an import that Envoy does not link is traced to the expressions that need it", async () => {
  const { message, details } = await refusal(`${ABI}
declare function mine(a: i32): void;
@external("env", "proxy_get_header_map_valeu")
declare function typo(a: i32): i32;
@external("env", "proxy_log")
declare function short(level: i32): i32;
function draw(): f64 {
  return 2 * Math.random();
}
export function proxy_on_tick(id: u32): void {
  if (draw() > 1 && Date.now() > 5) console.log("tick");
  trace("tick");
  mine(1);
  typo(2);
  short(3);
  [3, 1, 2].map<f64>((value) => Math.random() * value);
}`);
  expect(message).toMatch(/^index\.ts needs env\.seed, .*, which stock Envoy does not link$/);
  expect(details).toEqual([
    "index.ts:10: Math.random() needs env.seed: use randomBelow or randomBytes of the SDK instead",
    "index.ts:18: Math.random() needs env.seed: use randomBelow or randomBytes of the SDK instead",
    "index.ts:13: Date.now() needs env.Date.now: use nowMilliseconds or nowNanoseconds of the SDK instead",
    "index.ts:13: console.log(…) needs env.console.log: use log of the SDK instead",
    "index.ts:14: trace(…) needs env.trace: use log of the SDK instead",
    "index.ts:15: mine(1); needs index.mine: use a host call of the SDK instead",
    "index.ts:16: typo(2); needs env.proxy_get_header_map_valeu: did you mean env.proxy_get_header_map_value?",
    "index.ts:17: short(3); needs env.proxy_log: Envoy has it as i32 i32 i32 -> i32, not i32 -> i32",
  ]);
});

test("a host call at a file's top level is named with its line, and the abort of a failed assertion does not count", async () => {
  const { message, details } = await refusal(`${IMPORTS}
${PLUGIN}
const greeting = "hello";
function greet(): void {
  log(LogLevel.Info, greeting);
}
assert(greeting.length > 2, "too short");
greet();
registerRootContext((id: u32) => new RootContextOfMine(id));
class RootContextOfMine extends RootContext {}
`);
  expect(message).toBe("index.ts calls the host when the module starts, before a plugin exists");
  expect(details).toEqual([
    "index.ts:8: greet(); calls env.proxy_log at the top level: do it in onStart or onConfigure",
  ]);
});

test("a start that traps, or reaches the host through a function value, is named with its line", async () => {
  const root =
    "registerRootContext((id: u32) => new RootContextOfMine(id));\nclass RootContextOfMine extends RootContext {}";
  const trap = await refusal(`${IMPORTS}\n${PLUGIN}\nconst list: i32[] = [];\nlog(list[1], "");\n${root}`);
  expect(trap).toEqual({
    message: "index.ts calls the host when the module starts, before a plugin exists",
    details: [expect.stringContaining("index.ts:4: log(list[1]")],
  });
  const outOfRange = await refusal(`${IMPORTS}
${PLUGIN}
const list: i32[] = [];
export const first = list[list.length + 7];
${root}`);
  expect(outOfRange.message).toBe("index.ts does not start");
  expect(outOfRange.details).toEqual([
    expect.stringMatching(/^index\.ts:4: Index out of range at ~lib\/array\.ts/),
  ]);
  const indirect = await refusal(`import "meshwright/assembly/exports/plugin";
${IMPORTS.replace("Task", "Task, nowMilliseconds, Bytes")}
${PLUGIN}
const clocks: (() => u64)[] = [nowMilliseconds];
let which = 0;
export const started = clocks[which]();
class Root extends RootContext {
  override onConfigure(configuration: Bytes): bool {
    which = configuration.size;
    return clocks[which]() > 5;
  }
}
registerRootContext((id: u32) => new Root(id));`);
  expect(indirect).toEqual({
    message: "index.ts does not start",
    details: ["index.ts:6: calls env.proxy_get_current_time_nanoseconds: do it in onStart or onConfigure"],
  });
});

test("a filter without a root context, or with two, is refused", async () => {
  const filter = `${IMPORTS}\n${PLUGIN}\nclass Root extends RootContext {}\n`;
  expect(await refusal(filter)).toEqual({
    message: "index.ts makes no filter",
    details: ["index.ts: no root context is registered: call registerRootContext at the file's top level"],
  });
  const register = "registerRootContext((id: u32) => new Root(id));\n";
  const { details } = await refusal(filter + register + register);
  expect(details).toEqual(["index.ts:5: a root context is already registered: a filter has one"]);
});

test("a filter that would let everything through is refused", async () => {
  const filter = (root: string, register: string) => `import {
  Bytes, FilterHeadersStatus, HttpContext, registerRootContext, RootContext, sendLocalReply,
} from "meshwright/assembly";
export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "meshwright/assembly/exports/plugin";
export { proxy_on_context_create, proxy_on_delete, proxy_on_request_headers } from "meshwright/assembly/exports/stream";
class Check extends HttpContext {
  onRequestHeaders(headers: u32, end: bool): FilterHeadersStatus {
    sendLocalReply(401, Bytes.of("no key"), Bytes.of("no key"));
    return FilterHeadersStatus.StopIteration;
  }
}
class Root extends RootContext {${root}}
const on = memory.size() > 1000;
${register}`;
  const register = "registerRootContext((id: u32) => new Root(id));";
  expect(await refusal(filter("", register))).toEqual({
    message: "index.ts would do nothing",
    details: [
      "index.ts:12: Root gives no context: override createHttpContext or sharedHttpContext",
      "index.ts:6: no Check is ever made, so that nothing calls its onRequestHeaders",
    ],
  });
  const gives = "createHttpContext(): HttpContext { return new Check(); }";
  expect(await refusal(filter(gives, `if (on) { ${register} }`))).toEqual({
    message: "index.ts makes no filter",
    details: [
      "index.ts: its start registers no root context: call registerRootContext at the file's top level, under no condition",
    ],
  });
});

test("a module without ABI marker and allocator is refused with the file that has them", async () => {
  const { message, details } = await refusal(
    'import "meshwright/assembly/exports/plugin";\nexport function proxy_on_tick(id: u32): void {}',
  );
  expect(message).toBe("stock Envoy would refuse index.ts");
  expect(details).toEqual([
    expect.stringMatching(
      /no ABI marker.*export malloc and proxy_abi_version_0_2_1 from meshwright\/assembly\/exports\/plugin/,
    ),
    expect.stringMatching(/no allocator.*export malloc/),
  ]);
});

test("a callback with other parameters than Envoy's is named with its line", async () => {
  const { details } = await refusal(`${ABI}
export function proxy_on_request_headers(id: u32, headers: u32): u32 { return 0; }`);
  const fault =
    "it exports proxy_on_request_headers as i32 i32 -> i32, and Envoy calls it as i32 i32 i32 -> i32";
  expect(details).toEqual([`index.ts:4: ${fault}`]);
  const amongTheSdk = await refusal(`${IMPORTS}
${PLUGIN}
export { proxy_on_context_create } from "meshwright/assembly/exports/stateless";
export function proxy_on_request_headers(id: u32, headers: u32): u32 { return 0; }`);
  expect(amongTheSdk.details).toEqual([`index.ts:4: ${fault}`]);
});

test("a callback that Envoy does not know is refused with the one that was meant", async () => {
  const { details } = await refusal(`${ABI}
export function proxy_on_request_header(id: u32, headers: u32, end: u32): u32 { return 0; }`);
  expect(details).toEqual([
    "index.ts:4: proxy_on_request_header is never called: did you mean proxy_on_request_headers?",
  ]);
});

test("stream callbacks without a context, and a timer without its tick, are refused with what they need", async () => {
  const { details } = await refusal(
    `${IMPORTS}
${PLUGIN}
export { proxy_on_request_headers } from "meshwright/assembly/exports/stream";
class Later extends Task {
  run(): void {}
}
class Root extends RootContext {
  override onConfigure(configuration: Bytes): bool {
    this.after(10, new Later());
    return true;
  }
}
registerRootContext((id: u32) => new Root(id));
`.replace("Task }", "Task, Bytes }"),
  );
  expect(details).toEqual([
    expect.stringContaining("export proxy_on_context_create from meshwright/assembly/exports/stream too"),
    expect.stringContaining("export proxy_on_delete from meshwright/assembly/exports/stream too"),
    expect.stringContaining("export proxy_on_tick from meshwright/assembly/exports/plugin"),
  ]);
});

const SILENT = `
class Silent extends HttpContext {
  override onResponseHeaders(
    headers: u32,
    end: bool,
  ): FilterHeadersStatus {
    return FilterHeadersStatus.Continue;
  }
  override onLog(): void {}
}
class Root extends RootContext {
  override onTick(): void {}
  createHttpContext(): HttpContext {
    return new Silent();
  }
}
registerRootContext((id: u32) => new Root(id));
`;

test("a method whose callback is not exported is named with its line", async () => {
  const { details } = await refusal(`${IMPORTS}
${PLUGIN}
export { proxy_on_context_create, proxy_on_delete, proxy_on_request_headers } from "meshwright/assembly/exports/stream";
${SILENT}`);
  expect(details).toEqual([
    "index.ts:6: onResponseHeaders is never called: export proxy_on_response_headers from meshwright/assembly/exports/stream",
    "index.ts:12: onLog is never called: export proxy_on_log from meshwright/assembly/exports/stream",
    "index.ts:15: onTick is never called: export proxy_on_tick from meshwright/assembly/exports/plugin",
  ]);
});

test("a module over its size budget is refused, and nothing is left behind", async () => {
  const tick = `${ABI}\nexport function proxy_on_tick(id: u32): void {}`;
  const { message } = await refusal(tick, { sizeBudget: 100, debug: true });
  expect(message).toMatch(/^out has [\d,]+ bytes, and may have 100: /);
  expect((await readdir(folders.at(-1) ?? "")).sort()).toEqual(["index.ts", "node_modules", "package.json"]);
});

test("the source map leads from the code to its line, and the debug build is the same code with names", async () => {
  const out = await build(
    `${ABI}\nexport function proxy_on_log(id: u32): void {\n  memory.fill(64, 7, id);\n}`,
    { debug: true },
  );
  const release = readModule(await readFile(out));
  const debug = readModule(await readFile(debugModulePath(out)));
  const code = (module: typeof release) =>
    module.bodies.map(({ start, end }) => module.bytes.subarray(start, end));
  expect(code(debug)).toEqual(code(release));
  expect([release.functionNames.size, release.sourceMapUrl]).toEqual([0, "out.wasm.map"]);
  const callback = release.exports.find((each) => each.name === "proxy_on_log")?.index ?? -1;
  expect(debug.functionNames.get(callback)).toBe("index/proxy_on_log");
  const text = await readFile(`${out}.map`, "utf8");
  expect(text).not.toContain(ROOT);
  const map = new SourceMap(text);
  const { start, end } = release.bodies[callback - 0] ?? { start: 0, end: 0 };
  const places = Array.from({ length: end - start }, (_, i) => map.at(start + i));
  expect(places).toContainEqual({ source: "index.ts", line: 5, column: 2 });
});

async function ownFilter(name: string): Promise<string> {
  const own = path.join(await newPackage(), name);
  await mkdir(own, { recursive: true });
  const text = `${IMPORTS}\n${PLUGIN}\nclass Root extends RootContext {}\nregisterRootContext((id: u32) => new Root(id));\nexport { WORD } from "./words";\n`;
  await writeFile(path.join(own, "index.ts"), text);
  await writeFile(path.join(own, "words.ts"), wordOf(1));
  return own;
}

const wordOf = (word: number) => `export const WORD = ${word};\n`;

test("an author's own filter is built from its folder, and again when it was saved meanwhile", async () => {
  const own = await ownFilter("my filters/mine");
  // One that knows nothing yet.
  vi.stubEnv("MESHWRIGHT_CACHE", path.join(own, "cache"));
  const outDir = path.join(own, "out");
  const lines: string[] = [];
  const onProgress = (line: string) => {
    lines.push(line);
    if (line === "compiled mine") writeFileSync(path.join(own, "words.ts"), wordOf(2));
  };
  expect(await buildFilters([`${own}/`], { outDir, onProgress })).toMatchObject([
    { name: "mine", upToDate: false, callbacks: ["proxy_on_configure"] },
  ]);
  expect(lines).toEqual(["compiling mine …", "compiled mine"]);
  const again = async (filter: string) => (await buildFilters([filter], { outDir }))[0]?.upToDate;
  expect(await again(own)).toBe(false);
  expect(await again(own)).toBe(true);
  lines.length = 0;
  const [elsewhere] = await buildFilters([own], { outDir: path.join(own, "elsewhere"), onProgress });
  expect(lines).toEqual(["took mine from the cache: it was compiled before"]);
  expect(elsewhere?.upToDate).toBe(false);
  expect(await readFile(elsewhere?.path ?? "")).toEqual(await readFile(path.join(outDir, "mine.wasm")));
  expect(await again(await ownFilter("mine"))).toBe(false);
  expect((await readdir(outDir)).sort()).toEqual([
    "mine.debug.wasm",
    "mine.wasm",
    "mine.wasm.map",
    "schemas",
  ]);
}, 90_000);

test("a filter of the catalog may be named by its folder", async () => {
  expect(await findMember(path.join(ROOT, "filters/header-routing"))).toEqual(
    await findMember("header-routing"),
  );
});

test("a folder that cannot be written to is named", async () => {
  const outDir = path.join(await ownFilter("mine"), "index.ts");
  await expect(buildFilters(["trace-headers"], { outDir })).rejects.toMatchObject({
    code: "build",
    message: expect.stringMatching(/^cannot write to .*index\.ts: ENOTDIR/),
  });
});

test("two modules of one name are refused", async () => {
  const [first, second] = [await ownFilter("mine"), await ownFilter("mine")];
  await expect(buildFilters([first, second])).rejects.toThrow(/"mine" is named twice/);
  await expect(buildFilters([await ownFilter("trace-headers")])).rejects.toThrow(/"trace-headers" is taken/);
});

test("a missing filter is refused with the names of those that exist", async () => {
  await expect(buildFilters(["header-rooting"])).rejects.toThrow(
    /header-routing, fault-injection, retry-budget/,
  );
});
