// The text of a trap: every line and column in it must be the one in the probe's source.

import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MINIMAL, writeWat } from "../../test/support/wat.js";
import { compileModule } from "../../toolchain/compile/build.js";
import { loadModule } from "./load.js";
import { describeTrap, Trap } from "./trap.js";

const POLICY = "test/probes/traps/policy.ts";
const INDEX = "test/probes/traps/index.ts";

let folder: string;
let module: string;
const sources = new Map<string, readonly string[]>();

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-trap-"));
  module = path.join(folder, "traps.wasm");
  await compileModule("test/probes/traps/index.ts", module, { debug: true });
  for (const source of [POLICY, INDEX]) sources.set(source, (await readFile(source, "utf8")).split("\n"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The trap in which a fresh VM ends when it is asked for this kind. */
function trapOf(kind: string, file = module): Trap {
  const hosted = loadModule(file);
  hosted.configure("");
  if (kind === "sdk") hosted.host.intercept = (call) => (call === "random_get" ? 29 : undefined);
  try {
    hosted.exchange([
      [":path", "/"],
      ["x-do", kind],
      ["x-more", "1"],
    ]);
  } catch (error) {
    if (error instanceof Trap) return error;
    throw error;
  }
  throw new Error(`${kind} did not trap`);
}

/** `SOURCE:LINE` of the line with this mark. */
function marked(mark: string, source = POLICY): string {
  const at = sources.get(source)?.findIndex((line) => line.endsWith(`// mark: ${mark}`)) ?? -1;
  if (at < 0) throw new Error(`${source} has no mark "${mark}"`);
  return `${source}:${at + 1}`;
}

/** The text of the source from the place that the message's first line names. */
function namedText(trap: Trap): string {
  const [, source = "", line, column] = /at (\S+):(\d+):(\d+)$/.exec(firstLine(trap)) ?? [];
  return sources.get(source)?.[Number(line) - 1]?.slice(Number(column) - 1) ?? "";
}

const firstLine = (trap: Trap) => trap.message.split("\n")[0] ?? "";

test("a trap shows what the module had logged, as plain text", async () => {
  const file = await writeWat(
    path.join(folder, "logs.wasm"),
    `(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))${MINIMAL}
     (data (i32.const 0) "key \\1bmissing")
     (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
       (drop (call $log (i32.const 3) (i32.const 0) (i32.const 12))) unreachable)`,
  );
  expect(trapOf("any", file).message.split("\n").slice(-2)).toEqual(["it had logged:", "    key  missing"]);
});

test("a trap at the start shows the log too, which no module is left to show", async () => {
  const file = await writeWat(
    path.join(folder, "start.wasm"),
    `(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))${MINIMAL}
     (data (i32.const 0) "starting")
     (func (export "_initialize") (drop (call $log (i32.const 2) (i32.const 0) (i32.const 8))) unreachable)`,
  );
  expect(() => loadModule(file)).toThrow(/unreachable(.|\n)*it had logged:\n {4}starting$/);
});

describe("a trap in a release build", () => {
  test.each([
    ["array", "Index out of range", "NUMBERS[count + 3]"],
    ["throw", "no rule for throw", "throw new Error"],
    ["unreachable", "unreachable", "unreachable()"],
    ["assert", "too many headers", "assert(count < 3"],
    ["plain-assert", "assertion failed", "assert(count < 2"],
    ["division", "divide by zero", "7 / (total - total)"],
    ["memory", "memory access out of bounds", "load<i32>"],
    ["null", "Unexpected 'null' (not assigned or failed cast)", "nothing(count)!"],
    ["cast", "invalid downcast", "make(count)"],
  ])("of the kind %s names its reason, line and column", (kind, reason, text) => {
    const trap = trapOf(kind);
    expect(trap.reason).toBe(reason);
    expect(firstLine(trap)).toContain(`${reason} at ${marked(kind)}:`);
    expect(namedText(trap)).toSatisfy((named: string) => named.startsWith(text));
  });

  test("in the compiler's library, inlined, names the line into which it was inlined", () => {
    const trap = trapOf("static-array");
    expect(firstLine(trap)).toContain(`Index out of range at ${marked("static-array")}:`);
    expect(trap.message).toContain(`(~lib/staticarray.ts:`);
    expect(trap.message).toContain(`inlined into ${marked("static-array")})`);
  });

  test("in the SDK names the filter's line that led there", () => {
    const trap = trapOf("sdk");
    expect(firstLine(trap)).toContain(`the host has no random numbers at ${marked("sdk")}:`);
    expect(trap.message).toContain("(assembly/host/random.ts:");
  });

  test("names the function that called itself without an end, once", () => {
    const { message } = trapOf("overflow");
    expect(message).toContain(`Maximum call stack size exceeded at ${marked("deeper")}:`);
    expect(message.split(marked("deeper"))).toHaveLength(3);
  });

  test("names the functions that led there, the innermost first", () => {
    const { message, frames } = trapOf("chain");
    const lines = message.split("\n").slice(1);
    expect(lines[0]).toContain("in ~lib/array/Array<i32>#__get (~lib/array.ts:");
    expect(lines[1]).toContain(`in test/probes/traps/policy/third (${marked("third")}:`);
    expect(lines.at(-2)).toContain(`in test/probes/traps/policy/decide (${marked("chain")}:`);
    expect(lines.at(-1)).toContain(
      `in assembly/exports/stateless/proxy_on_request_headers (${marked("caller", INDEX)}:`,
    );
    expect(frames.map((frame) => frame.function)).not.toContain("assembly/abi/abort/abort");
  });

  test("keeps what the engine threw as its cause", () => {
    expect((trapOf("memory").cause as Error).name).toBe("RuntimeError");
  });
});

describe("a trap of a module without", () => {
  test("a source map has functions and bytes, and says how to get lines", async () => {
    const bare = path.join(folder, "bare.wasm");
    await copyFile(module, bare);
    expect(trapOf("division", bare).message).toMatch(
      /^divide by zero in function \d+, byte 0x[0-9a-f]+\n( {4}in function \d+ \(byte 0x[0-9a-f]+\)\n)+ {4}for lines of source, build the module with its source map beside it, as NAME\.wasm\.map$/,
    );
  });

  test("a source map has the names that the module itself has", async () => {
    const named = path.join(folder, "named.wasm");
    await copyFile(module.replace(".wasm", ".debug.wasm"), named);
    expect(firstLine(trapOf("division", named))).toMatch(
      /^divide by zero in test\/probes\/traps\/policy\/decide, byte/,
    );
  });

  test.each(["", "{}", "null", "[]", '{"sources":[],"mappings":"AAAA,!!"}', '{"mappings":7}', "\0"])(
    "a readable source map, with %j in its place, still gives its own reason",
    async (text) => {
      const broken = path.join(folder, "broken.wasm");
      await copyFile(module, broken);
      await writeFile(`${broken}.map`, text);
      expect(trapOf("division", broken).reason).toBe("divide by zero");
    },
  );
});

test("a trap while the module starts is described as well", async () => {
  const file = await writeWat(
    path.join(folder, "start.wasm"),
    `(func (export "proxy_abi_version_0_2_1")) (func (export "malloc") (param i32) (result i32) (i32.const 0))
     (memory (export "memory") 1) (func $boot (export "_initialize") (unreachable))`,
  );
  expect(() => loadModule(file)).toThrow(/^unreachable in function \d+, byte 0x/);
});

test.each([["text"], [undefined], [{ stack: 7 }], [new Error("plain")]])(
  "an error that is not the engine's is described by its own text: %j",
  (error) => {
    expect(describeTrap(error)).toBe(error instanceof Error ? "plain" : String(error));
  },
);

test("a trap that was described before is not described again", () => {
  const trap = trapOf("throw");
  expect(describeTrap(trap, module)).toBe(trap.message);
});
