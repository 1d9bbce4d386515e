import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../envoy/config/json.js";
import { leftOutOf } from "../envoy/module/lean.js";
import { readModule } from "../envoy/module/read.js";
import type { FilterDescriptor } from "../filters/descriptor.js";
import { catalogUse } from "../test/support/catalog-use.js";
import { filterModule } from "../toolchain/compile/filter-module.js";
import { LeanModules } from "./lean-modules.js";

let folder: string;
let module: string;
let deadline: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "lean-modules-"));
  module = path.join(folder, "trace-headers.wasm");
  const built = await filterModule("trace-headers");
  await copyFile(built, module);
  await copyFile(`${built}.map`, `${module}.map`);
  deadline = await filterModule("deadline");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const use = (config: Json) => catalogUse("trace-headers", config);
const leftOut = async (file: string) => leftOutOf(readModule(await readFile(file)));

test("settings with the same needs have one file, others another, each with its source map", async () => {
  const lean = new LeanModules(path.join(folder, "some"));
  const plain = lean.pathOf(module, use({}));
  expect(lean.pathOf(module, use({ trustIncoming: false }))).toBe(plain);
  const told = lean.pathOf(module, use({ responseHeader: "x-trace" }));
  expect(told).not.toBe(plain);
  expect(await leftOut(plain)).toEqual([
    "proxy_on_response_headers",
    "proxy_on_context_create",
    "proxy_on_delete",
  ]);
  expect(await leftOut(told)).toEqual(["proxy_on_context_create"]);
  expect(await readFile(`${plain}.map`, "utf8")).toBe(await readFile(`${module}.map`, "utf8"));
  expect(lean.modules).toEqual([plain, told]);
});

test("the whole module runs settings that it refuses, so that Envoy tells why", () => {
  const lean = new LeanModules(path.join(folder, "none"));
  expect(lean.pathOf(module, use({ responseHeader: 1 }))).toBe(module);
  expect(lean.modules).toEqual([]);
});

test("the settings that a cluster's chain has choose the module there", () => {
  const lean = new LeanModules(path.join(folder, "cluster"));
  const descriptor: FilterDescriptor = {
    ...use({}).descriptor,
    chain: () => "upstream",
    inCluster: (config, cluster) =>
      cluster === "told" ? { ...(config as object), responseHeader: "x-trace" } : config,
  };
  const config = {};
  const chosen = (cluster?: string) => lean.pathOf(module, { ...use(config), descriptor, cluster });
  const plain = chosen();
  expect([chosen("told"), chosen("other")]).toEqual([
    lean.pathOf(module, use({ responseHeader: "x-trace" })),
    plain,
  ]);
  expect(chosen("told")).not.toBe(plain);
});

test("plugins that share data are told of their streams", async () => {
  const lean = new LeanModules(path.join(folder, "shared"));
  const inbound = lean.pathOf(deadline, catalogUse("deadline", { trace: "inbound" }));
  expect(await leftOut(inbound)).toEqual(["proxy_on_response_headers"]);
  const outbound = lean.pathOf(deadline, catalogUse("deadline", { trace: "outbound" }));
  expect(await leftOut(outbound)).toEqual(["proxy_on_response_headers"]);
});

test("what somebody has removed is written again, and what is dropped is gone for good", async () => {
  const lean = new LeanModules(path.join(folder, "removed"));
  const file = lean.pathOf(module, use({}));
  const content = await readFile(file);
  await rm(lean.folder, { recursive: true });
  lean.restore();
  expect(await readFile(file)).toEqual(content);
  await lean.drop("another.wasm");
  await lean.drop(module);
  lean.restore();
  await expect(readFile(file)).rejects.toThrow("ENOENT");
});

test("a folder that cannot be made is told with its reason", async () => {
  const file = path.join(folder, "file");
  await writeFile(file, "");
  expect(() => new LeanModules(path.join(file, "below")).pathOf(module, use({}))).toThrow(
    /cannot write .*below.*: make room, or a folder that you may write to/,
  );
});
