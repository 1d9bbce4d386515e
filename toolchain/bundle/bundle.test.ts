// Bundles of an author's own filters, and requests for bundles that are refused.
// test/integration/bundle/bundle.test.ts shows what a bundle does in stock Envoy.

import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { loadModule } from "../../kit/host/load.js";
import { sourceAt } from "../compile/source.js";
import { buildBundle } from "./bundle.js";
import { bundleSource, sourceOfBundle } from "./entry.js";

const BASE = sourceAt(path.join(PACKAGE_ROOT, "index.ts"));
/** A package of an author's, another for each test. */
let folder: string;
let outDir: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "meshwright-bundle-")));
  outDir = path.join(folder, "build");
  await mkdir(path.join(folder, "node_modules"));
  await symlink(PACKAGE_ROOT, path.join(folder, "node_modules/meshwright"), "dir");
  await symlink(path.join(PACKAGE_ROOT, "node_modules/zod"), path.join(folder, "node_modules/zod"), "dir");
  await writeFile(path.join(folder, "package.json"), "{}\n");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/**
 * Writes a filter that adds its name to requests, in a folder of that name, and returns the
 * folder's path.
 */
async function ownFilter(name: string, extra = ""): Promise<string> {
  const room = path.join(folder, name);
  await mkdir(room);
  await writeFile(
    path.join(room, "index.ts"),
    `import { Bytes, FilterHeadersStatus, HttpContext, RootContext, registerRootContext, requestHeaders } from "meshwright/assembly";
export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "meshwright/assembly/exports/plugin";
export { proxy_on_context_create, proxy_on_request_headers } from "meshwright/assembly/exports/stateless";
${extra}
class Context extends HttpContext {
  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    requestHeaders.add(Bytes.of("x-by"), Bytes.of("${name}"));
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
`,
  );
  return room;
}

const built = () => readdir(outDir).catch(() => []);

describe("a bundle of own filters", () => {
  test("runs them in the order in which they are named, by folder or by entry file", async () => {
    const [first, second] = [await ownFilter("first"), await ownFilter("second")];
    await writeFile(
      path.join(second, "schema.ts"),
      'import { z } from "zod";\nexport const secondSchema = z.strictObject({ limit: z.number() });\n',
    );
    const filters = [path.relative(process.cwd(), second), path.join(first, "index.ts")];
    const pair = await buildBundle("pair", filters, { outDir });
    expect(pair.map(({ name, upToDate }) => ({ name, upToDate }))).toEqual([
      { name: "pair", upToDate: false },
    ]);
    const module = loadModule(path.join(outDir, "pair.wasm"));
    expect(module.configure('{"first": {}, "second": 1}')).toEqual({ accepted: true, logs: [] });
    const { request } = module.exchange([[":path", "/"]]);
    expect(request.filter(([name]) => name === "x-by").map(([, value]) => value)).toEqual([
      "second",
      "first",
    ]);
    const schema = JSON.parse(
      await readFile(path.join(outDir, "schemas", "pair.bundle.schema.json"), "utf8"),
    );
    expect(schema).toMatchObject({
      title: "pair: bundle of second, first",
      properties: { first: {}, second: { properties: { limit: { type: "number" } } } },
      required: ["second", "first"],
      additionalProperties: false,
    });
    expect((await built()).sort()).toEqual(["pair.debug.wasm", "pair.wasm", "pair.wasm.map", "schemas"]);
    expect((await buildBundle("pair", filters, { outDir }))[0]?.upToDate).toBe(true);
    await appendFile(path.join(first, "index.ts"), "export function proxy_on_tick(id: u32): void {}\n");
    await expect(buildBundle("pair", filters, { outDir })).rejects.toThrow(/first cannot be bundled/);
  }, 120_000);

  test("is refused where a filter has callbacks of its own, with their lines", async () => {
    const own = await ownFilter("own", "export function proxy_on_log(id: u32): void {}");
    await expect(buildBundle("pair", [own, await ownFilter("good")], { outDir })).rejects.toMatchObject({
      message: expect.stringContaining("own cannot be bundled"),
      details: [expect.stringMatching(/own\/index\.ts:4: export function proxy_on_log/)],
    });
  }, 120_000);

  test("cannot have the name of one of its filters", async () => {
    const filters = [await ownFilter("first"), await ownFilter("second")];
    await expect(buildBundle("first", filters, { outDir })).rejects.toThrow(/"first" is taken/);
  });

  test("with a faulty filter is refused with that filter's own lines, and leaves nothing behind", async () => {
    const [good, bad] = [await ownFilter("good"), await ownFilter("bad", 'const a: i32 = "text";')];
    const error = await buildBundle("pair", [good, bad], { outDir }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MeshwrightError);
    expect((error as MeshwrightError).message).toContain("bad/index.ts does not compile");
    expect((error as MeshwrightError).details.join("\n")).toContain("TS2322");
    expect(await built()).toEqual(["schemas"]);
  }, 120_000);
});

describe("no bundle", () => {
  test.each([
    ["a filter's name", "header-routing", ["trace-headers", "header-routing"], "usage", /is taken/],
    ["a path for a name", "../x", ["trace-headers", "header-routing"], "usage", /cannot be a bundle's name/],
    ["no name", "", ["trace-headers", "header-routing"], "usage", /cannot be a bundle's name/],
    ["a name too long", "a".repeat(65), ["trace-headers", "header-routing"], "usage", /up to 64/],
    ["no filter", "edge", [], "usage", /two filters or more/],
    ["one filter", "edge", ["trace-headers"], "usage", /two filters or more/],
    ["a filter twice", "edge", ["trace-headers", "trace-headers"], "usage", /"trace-headers" is named twice/],
    ["a filter that is not there", "edge", ["trace-headers", "tracing"], "build", /no filter "tracing"/],
    [
      "a folder that is not there",
      "edge",
      ["trace-headers", "./no-where"],
      "build",
      /no filter at .*no-where/,
    ],
    [
      "a folder without an entry file",
      "edge",
      ["trace-headers", "./envoy"],
      "build",
      /no filter at .*index\.ts/,
    ],
    [
      "a file outside of any package",
      "edge",
      ["trace-headers", "/etc/hostname"],
      "build",
      /is not in a package/,
    ],
  ] as const)("is made of %s", async (_, name, filters, code, message) => {
    const error = await buildBundle(name, filters, { outDir }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(await built()).toEqual([]);
  });
});

test("no bundle is made with a filter whose folder's name cannot be a key", async () => {
  const filters = ["trace-headers", await ownFilter("My_Filter")];
  await expect(buildBundle("edge", filters, { outDir })).rejects.toThrow(
    /"My_Filter" cannot be a filter's name/,
  );
});

test("a bundle's source is another for another name, other filters and another order", () => {
  const part = (name: string) => ({ name, entry: path.join(folder, `${name}.ts`), callbacks: [] });
  const [one, two] = [part("one"), part("two")];
  const of = (name: string, ...parts: (typeof one)[]) =>
    JSON.stringify(sourceOfBundle({ name, base: BASE, parts }));
  expect(of("edge", one, two)).toBe(of("edge", one, two));
  const others = [of("edge", one, two), of("edge", two, one), of("edge", one), of("edg", one, two)];
  expect(new Set(others).size).toBe(others.length);
});

test("a bundle's entry file exports the callbacks of all filters, and lists those of each", () => {
  const part = (name: string, ...callbacks: string[]) => ({
    name,
    entry: path.join(PACKAGE_ROOT, "filters", name, "index.ts"),
    callbacks,
  });
  const parts = [
    part("one", "proxy_on_configure", "proxy_on_request_headers", "proxy_on_http_call_response"),
    part("two", "proxy_on_queue_ready", "proxy_on_log", "proxy_on_request_headers"),
    part("three"),
  ];
  const text = bundleSource({ name: "edge", base: BASE, parts }, path.join(PACKAGE_ROOT, "build", "room"));
  expect(text).toBe(`import "../../filters/one/index";
import "../../filters/two/index";
import "../../filters/three/index";
import { Callback, registerBundle } from "../../assembly/bundle/index";
export { malloc, proxy_abi_version_0_2_1, left_out_callbacks, needed_callbacks, proxy_on_configure, proxy_on_queue_ready, proxy_on_tick } from "../../assembly/exports/plugin";
export { proxy_on_context_create, proxy_on_delete, proxy_on_log, proxy_on_request_headers } from "../../assembly/exports/stream";
export { proxy_on_http_call_response } from "../../assembly/exports/calls";
registerBundle("edge", ["one","two","three"], [
  Callback.RequestHeaders,
  Callback.Log | Callback.RequestHeaders,
  0,
]);
`);
});
