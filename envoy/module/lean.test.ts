import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { STREAM_CALLBACKS } from "../../assembly/callback-names.js";
import { HostedModule } from "../../kit/host/load.js";
import { wat } from "../../test/support/wat.js";
import { filterModule } from "../../toolchain/compile/filter-module.js";
import { MalformedModule } from "./byte-reader.js";
import { inspectModule } from "./inspect.js";
import { callbackBits, callbackNames, canBeLean, leanModule, leftOutOf } from "./lean.js";
import type { WasmModule } from "./parts.js";
import { readModule } from "./read.js";

let whole: Buffer;
let exported: readonly string[];

beforeAll(async () => {
  whole = await readFile(await filterModule("rate-limit"));
  exported = inspectModule(whole).callbacks.filter((name) => STREAM_CALLBACKS.includes(name));
});

const codeOf = ({ sections }: WasmModule) => sections.find(({ name }) => name === "code");

test("each callback can be left out alone: the code stays at its place, and the build says so", () => {
  for (const callback of exported) {
    const lean = leanModule(whole, [callback]);
    const module = readModule(lean);
    expect(leftOutOf(module)).toEqual([callback]);
    expect(module.exports.map(({ name }) => name)).not.toContain(callback);
    expect(lean.length).toBe(whole.length);
    expect(codeOf(module)).toEqual(codeOf(readModule(whole)));
    expect(inspectModule(lean).refusals).toEqual([]);
  }
});

test("the module's bits are those of the names", () => {
  const needing = { rules: [{ name: "a", concurrency: { limit: 1 } }], headers: "ietf" };
  for (const callback of ["proxy_on_response_headers", "proxy_on_delete"]) {
    const lean = new WebAssembly.Module(Buffer.from(leanModule(whole, [callback])));
    const { accepted, logs } = new HostedModule(lean).configure(needing);
    expect([accepted, logs[0]]).toEqual([false, expect.stringContaining(`needs ${callback}, which`)]);
  }
});

test("a lean build can be made leaner, and the same again is the same", () => {
  const [first = "", second = ""] = exported;
  const once = leanModule(whole, [first]);
  expect(leanModule(once, [first])).toEqual(once);
  expect(leftOutOf(readModule(leanModule(once, [second])))).toEqual(
    callbackNames(callbackBits([first, second])),
  );
});

test("what is not exported, or belongs to no stream, stays as it is", () => {
  expect(leanModule(whole, [])).toBe(whole);
  expect(leanModule(whole, ["proxy_on_log", "proxy_on_configure", "malloc", "memory"])).toBe(whole);
});

const CALLBACK = '(func (export "proxy_on_delete") (param i32))';

test.each([
  ["no globals", CALLBACK],
  ["only one of them", `${CALLBACK} (global (export "left_out_callbacks") (mut i32) (i32.const 0))`],
  [
    "a constant, which the code may have folded",
    `${CALLBACK} (global (export "left_out_callbacks") i32 (i32.const 0))
     (global (export "needed_callbacks") (mut i32) (i32.const 0))`,
  ],
  [
    "a global of another type",
    `${CALLBACK} (global (export "left_out_callbacks") (mut i64) (i64.const 0))
     (global (export "needed_callbacks") (mut i32) (i32.const 0))`,
  ],
  [
    "functions of these names",
    `${CALLBACK} (func (export "left_out_callbacks")) (func (export "needed_callbacks"))`,
  ],
])("a module with %s cannot be lean, and is told what to export", (_, text) => {
  const bytes = wat(text);
  expect(canBeLean(readModule(bytes))).toBe(false);
  expect(leftOutOf(readModule(bytes))).toEqual([]);
  expect(() => leanModule(bytes, ["proxy_on_delete"])).toThrow(/export them from assembly\/exports\/plugin/);
});

test("bytes that are no module are refused as such", () => {
  expect(() => leanModule(Buffer.from("no module"), ["proxy_on_delete"])).toThrow(MalformedModule);
  expect(() => leanModule(whole.subarray(0, 5_000), ["proxy_on_delete"])).toThrow(MalformedModule);
});
