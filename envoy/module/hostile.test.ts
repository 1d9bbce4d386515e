// Files that are not modules, or broken modules: each has one clear reason, never an exception,
// never a hang.

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { amount } from "../../test/support/amount.js";
import { MINIMAL, wat } from "../../test/support/wat.js";
import { MalformedModule } from "./byte-reader.js";
import { describeReport } from "./describe.js";
import { inspectModule } from "./inspect.js";
import { inspectFile } from "./inspect-file.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-hostile-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const HEAD = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const WHOLE = wat(
  `(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))${MINIMAL}
   (table 2 funcref) (elem (i32.const 0) $log $start) (global $g (mut i32) (i32.const 0)) (data (i32.const 0) "text")
   (func $start (export "_initialize") (if (global.get $g) (then (return))) (drop (call $log (i32.const 0) (i32.const 0) (i32.const 0))))`,
);

/**
 * Inspects the bytes and returns the reason why they are not a module. Any other error is thrown.
 */
function reason(bytes: Uint8Array): string | undefined {
  try {
    describeReport(inspectModule(bytes));
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedModule);
    return (error as Error).message;
  }
}

describe("bytes", () => {
  test.each([
    ["none", [], /^is empty$/],
    ["a program", [0x7f, 0x45, 0x4c, 0x46, 2, 1], /an ELF program/],
    ["the text form", [...Buffer.from("(module)")], /the text form/],
    ["some text", [...Buffer.from("name: filter\n")], /but text$/],
    ["gzip", [0x1f, 0x8b, 8, 0], /gzip/],
    ["noise", [0xff, 0xfe, 0, 1], /something else/],
    ["half a head", HEAD.slice(0, 6), /middle of its head/],
    ["a component", [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0], /is a component/],
    ["another version", [0, 0x61, 0x73, 0x6d, 2, 0, 0, 0], /unknown version 2/],
    ["a section of 100 MB", [...HEAD, 10, 0x80, 0xc2, 0xd7, 0x2f], /middle of its code section.*byte 8/],
    ["a section of 4 GB", [...HEAD, 1, 0xff, 0xff, 0xff, 0xff, 0x0f], /middle of its type section/],
    ["a size that never ends", [...HEAD, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], /type section/],
    ["four billion types", [...HEAD, 1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f], /ends too early/],
    [
      "four billion locals",
      [...HEAD, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 10, 1, 8, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 11],
      /valid/,
    ],
    ["an unknown section", [...HEAD, 0x63, 0], /unknown kind 99, at byte 8/],
    ["a section twice", [...HEAD, 1, 1, 0, 1, 1, 0], /not valid WebAssembly/],
    ["an import of nothing", [...HEAD, 2, 5, 1, 0, 0, 0, 9], /type that it does not have/],
    [
      "names that lie",
      [...HEAD, 0, 8, 4, ...Buffer.from("name"), 1, 9, 1],
      /name section that cannot be read/,
    ],
  ])("%s is reported in one line", (_name, bytes, expected) => {
    expect(reason(Uint8Array.from(bytes))).toMatch(expected);
  });

  test("a module cut off at every byte is never taken for a whole one", () => {
    expect(reason(WHOLE)).toBeUndefined();
    // A cut between two sections leaves a shorter module that is whole, but not this one.
    const figures = JSON.stringify(inspectModule(WHOLE).sections);
    for (let size = 0; size < WHOLE.length; size++) {
      const cut = WHOLE.subarray(0, size);
      if (reason(cut) === undefined) expect(JSON.stringify(inspectModule(cut).sections)).not.toBe(figures);
    }
  });

  test("blocks may be nested a hundred thousand deep", () => {
    const depth = 100_000;
    const body = [0, ...Array(depth).fill([0x02, 0x40]).flat(), ...Array(depth + 1).fill(0x0b)];
    const size = (value: number) => [(value & 0x7f) | 0x80, ((value >> 7) & 0x7f) | 0x80, value >> 14];
    const code = [1, ...size(body.length), ...body];
    const module = [...HEAD, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 8, 1, 0, 10, ...size(code.length), ...code];
    expect(reason(Uint8Array.from(module)) ?? "").not.toMatch(/call stack/);
  });

  test("thousands of modules with changed bytes, and random bytes, end with a report or a reason", () => {
    const random = seeded(20_261_121);
    for (let round = 0; round < amount(20_000, 4_000); round++) {
      const bytes = Uint8Array.from(WHOLE);
      for (let changes = 1 + (random() % 4); changes > 0; changes--)
        bytes[random() % bytes.length] = random();
      reason(round % 2 === 0 ? bytes : bytes.subarray(0, random() % bytes.length));
      reason(Uint8Array.from([...HEAD, ...Array.from({ length: random() % 64 }, random)]));
    }
  });
});

/** Numbers that look random and are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 1;
  };
}

describe("a file", () => {
  const refusals = async (file: string) => (await inspectFile(file)).refusals;

  test("that is a module has a report", async () => {
    const file = path.join(folder, "whole.wasm");
    await writeFile(file, WHOLE);
    expect(await inspectFile(file)).toMatchObject({ file, report: { abi: "0.2.1" }, refusals: [] });
  });

  test("that is not a module has a reason", async () => {
    expect(await refusals(path.join(folder, "nowhere"))).toEqual([
      "it cannot be read: there is no such file",
    ]);
    expect(await refusals(folder)).toEqual(["it is a folder"]);
    expect(await refusals("/dev/zero")).toEqual(["it is not a regular file"]);
    expect(await refusals("a\0b")).toEqual([expect.stringMatching(/^it cannot be read: /)]);
    const socket = path.join(folder, "socket");
    const server = createServer().listen(socket);
    await once(server, "listening");
    expect(await refusals(socket)).toEqual(["it is not a regular file"]);
    server.close();
  });
});
