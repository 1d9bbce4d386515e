// The package as it is published: what is in it, and an author's package that has it in
// node_modules, as strict compilers see it. `npm run check` has publint and attw look at it too,
// and test/integration/commands/tutorial.long.test.ts installs it.

import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { runProgram } from "../../envoy/runtime/run-program.js";
import { newFilter } from "../../toolchain/package/new-filter.js";
import { binary, type Packed, packSources } from "./pack.js";
import { typeFaults } from "./type-faults.js";

const PATIENCE_MS = 120_000;
let folder: string;
let author: string;
let packed: Packed;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-package-"));
  packed = await packSources(folder);
  author = path.join(folder, "author");
  await newFilter("mine", { dir: author });
  await install();
}, PATIENCE_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * The packed files as an installed package, beside the packages that this checkout has installed.
 */
async function install(): Promise<void> {
  const modules = path.join(author, "node_modules");
  await mkdir(modules);
  for (const name of await readdir(path.join(PACKAGE_ROOT, "node_modules"))) {
    await symlink(path.join(PACKAGE_ROOT, "node_modules", name), path.join(modules, name));
  }
  for (const file of packed.files) {
    const to = path.join(modules, "meshwright", file);
    await mkdir(path.dirname(to), { recursive: true });
    await copyFile(path.join(packed.source, file), to);
  }
}

const tsc = (...words: string[]) => runProgram(binary("tsc"), words, author);

describe("the package", () => {
  const without = (...folders: readonly string[]) =>
    packed.files.filter((file) => !folders.some((each) => file.startsWith(each)));

  test("has these folders and files, and no others", () => {
    expect(new Set(packed.files.map((file) => file.replace(/\/.*/, "/")))).toEqual(
      new Set([
        ...[
          "assembly/",
          "cli/",
          "compose/",
          "dist/",
          "docs/",
          "filters/",
          "kit/",
          "oci/",
          "proxy-runtime/",
          "render/",
          "toolchain/",
        ],
        ...["CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "RATIONALE.md", "README.md", "package.json"],
        ...["as-pect.asconfig.json", "as-pect.config.js", "asconfig.json"],
      ]),
    );
    expect(
      without("assembly/", "dist/", "filters/", "proxy-runtime/").filter((file) => file.includes("/")),
    ).toEqual([
      "cli/README.md",
      "cli/meshwright.js",
      "compose/README.md",
      "compose/containers/README.md",
      "compose/demo-mesh.svg",
      "compose/mesh.yaml",
      "compose/project/NOTICE",
      "compose/project/compose-spec.json",
      "compose/services/chat.js",
      "compose/services/grpc.js",
      "compose/services/lib.js",
      "compose/services/listen.js",
      "compose/services/orders.js",
      "compose/services/payments.js",
      "compose/services/stock-messages.js",
      "compose/services/stock.js",
      "compose/services/stock.proto",
      "compose/services/storefront.js",
      "compose/services/websocket.js",
      "docs/bring-your-own.md",
      "docs/chain.svg",
      "docs/gateway.yaml",
      "docs/grafana.json",
      "docs/operating.md",
      "docs/traffic-policy.md",
      "kit/README.md",
      "oci/README.md",
      "render/README.md",
      "toolchain/compile/compiler.js",
    ]);
  });

  test("has the sources of every module, and the template's tests too", async () => {
    const isNoSource =
      /\.(spec|test|fixture)\.ts$|^filters\/[^/]+\/([^/]+\/)?(schema|descriptor)\.ts$|^filters\/(shared\/|[^/]+$)|tsconfig\.json$/;
    const folders = ["assembly", "filters", "proxy-runtime"];
    const sources = (await Promise.all(folders.map(filesBelow))).flat();
    expect(
      without("cli/", "compose/", "dist/", "kit/", "toolchain/").filter((file) => /\/.*\.ts$/.test(file)),
    ).toEqual(
      sources
        .filter((file) => file.endsWith(".ts"))
        .filter((file) => file.startsWith("filters/template/") || !isNoSource.test(file))
        .sort(),
    );
  });

  test("has the toolkit compiled, without its tests", () => {
    const compiled = packed.files.filter((file) => file.startsWith("dist/"));
    expect(new Set(compiled.map((file) => file.split("/")[1]))).toEqual(
      // Of assembly/ the limits, which schemas share with the parsers.
      new Set(["assembly", "cli", "compose", "envoy", "filters", "kit", "oci", "render", "toolchain"]),
    );
    expect(compiled.filter((file) => !/(?<!\.(spec|test|fixture))\.(js|d\.ts)$/.test(file))).toEqual([]);
  });
});

/** Paths below the copy of the sources, relative to it. */
async function filesBelow(place: string): Promise<readonly string[]> {
  const entries = await readdir(path.join(packed.source, place), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(packed.source, path.join(entry.parentPath, entry.name)));
}

describe("an author's package", { timeout: PATIENCE_MS }, () => {
  test.each(["node16", "nodenext", "bundler"])(
    "finds the types of the toolkit with %s",
    async (resolution) => {
      await writeFile(
        path.join(author, "strict.json"),
        JSON.stringify({
          extends: "./tsconfig.json",
          compilerOptions: {
            module: resolution === "bundler" ? "esnext" : resolution,
            moduleResolution: resolution,
            exactOptionalPropertyTypes: true,
            noUncheckedIndexedAccess: true,
          },
        }),
      );
      expect(await tsc("-p", "strict.json", "--listFilesOnly")).toMatchObject({
        output: expect.stringMatching(/mine\/index\.test\.ts/),
      });
      expect(await tsc("-p", "strict.json")).toEqual({ code: 0, output: "" });
    },
  );

  test("finds the types of every entry of the SDK, but not of modules behind them", async () => {
    const { exports } = JSON.parse(await readFile(path.join(packed.source, "package.json"), "utf8"));
    const entries = Object.keys(exports).filter((entry) => /(?<!\.d)\.ts$/.test(exports[entry].types));
    expect(entries).toHaveLength(16);
    const imports = entries.map((entry, i) => `import * as e${i} from "meshwright${entry.slice(1)}";\n`);
    const file = path.join(author, "filters/mine/entries.ts");
    await writeFile(file, imports.join(""));
    expect(await tsc("-p", "filters/tsconfig.json")).toEqual({ code: 0, output: "" });
    await writeFile(file, 'import { Config } from "meshwright/assembly/text/config";\n');
    expect(await tsc("-p", "filters/tsconfig.json")).toMatchObject({
      output: expect.stringMatching(/^filters\/mine\/entries\.ts\(1,24\): error TS2307/),
    });
    await rm(file);
  });

  test("may require() the toolkit from CommonJS", async () => {
    const words = [
      "-p",
      'typeof require("meshwright/test").hostProxy + typeof require("meshwright/schema").duration',
    ];
    expect(await runProgram(process.execPath, [...words, "--input-type=commonjs"], author)).toEqual({
      code: 0,
      output: "functionfunction\n",
    });
  });
});

describe("what is kept of attw's problems", () => {
  const esm = { kind: "CJSResolvesToESM", entrypoint: "./test", resolutionKind: "node16-cjs" };
  const bare = {
    kind: "InternalResolutionError",
    fileName: "/node_modules/meshwright/assembly/index.ts",
    moduleSpecifier: "./context",
    resolutionOption: "node16",
  };
  const faults = (...problems: readonly object[]) =>
    typeFaults({ types: { kind: "included" }, problems } as unknown as Parameters<typeof typeFaults>[0]);

  test("is everything except what is intended", () => {
    expect(faults(esm, bare)).toEqual([]);
    expect(
      faults(esm, bare, { kind: "NoResolution", entrypoint: "./test", resolutionKind: "node10" }),
    ).toEqual(["./test: NoResolution with node10"]);
    expect(faults(esm, bare, { ...bare, resolutionOption: "bundler" })).toEqual([
      "/node_modules/meshwright/assembly/index.ts: InternalResolutionError of ./context with bundler",
    ]);
    const inDist = { ...bare, fileName: "/node_modules/meshwright/dist/kit/index.d.ts" };
    expect(faults(esm, bare, inDist)).toHaveLength(1);
    expect(typeFaults({ packageName: "meshwright", packageVersion: "1.0.0", types: false })).toEqual([
      "it has no types",
    ]);
  });

  test("has no exception that is no longer needed", () => {
    expect(faults(bare)).toEqual([expect.stringMatching(/no longer needed.*require\(\)/)]);
    expect(faults(esm)).toEqual([expect.stringMatching(/no longer needed.*extensions/)]);
  });
});
