// What is read from a module, and what of it stock Envoy would refuse.
// `test/integration/commands/inspect.test.ts` checks the refusals against Envoy.

import { describe, expect, test } from "vitest";
import { ABI_MARKER, ALLOCATOR, MEMORY, MINIMAL, wat } from "../../test/support/wat.js";
import { describeReport } from "./describe.js";
import { inspectModule } from "./inspect.js";

const LOG = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))';
const TICK = '(import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))';
const CALL_TICK = "(drop (call $tick (i32.const 100)))";

/** `_initialize` with this body, in a module that has the host call. */
function starts(body: string, more = ""): ReturnType<typeof inspectModule> {
  return inspectModule(wat(`${TICK}${MINIMAL}${more}(func (export "_initialize") ${body})`));
}

test("a small module's figures", () => {
  const report = inspectModule(
    wat(`${LOG}${ABI_MARKER}${ALLOCATOR}(memory (export "memory") 2 3)
      (func (export "proxy_on_log") (param i32))
      (func (export "proxy_on_lock") (param i32))
      (func (export "_initialize") (drop (call $log (i32.const 0) (i32.const 0) (i32.const 0))))`),
  );
  expect(report).toMatchObject({
    abi: "0.2.1",
    allocator: "malloc",
    imports: [{ module: "env", name: "proxy_log", signature: "i32 i32 i32 -> i32", linked: true }],
    callbacks: ["proxy_on_log"],
    unknownCallbacks: ["proxy_on_lock"],
    start: { functions: ["_initialize"], certain: ["env.proxy_log"] },
    memory: { initialPages: 2, maximumPages: 3 },
    functionNames: 0,
    refusals: [],
  });
  expect(report.sections.map((section) => section.name)).toEqual([
    "type",
    "import",
    "function",
    "memory",
    "export",
    "code",
  ]);
  expect(report.sections.reduce((sum, section) => sum + section.bytes, 8)).toBe(report.bytes);
});

describe("a host call at the start", () => {
  test.each([
    ["straight away", CALL_TICK, "certain"],
    ["in a block", `(block ${CALL_TICK})`, "certain"],
    ["behind both arms", `(if (call $log2) (then nop) (else nop)) ${CALL_TICK}`, "certain"],
    ["in one arm", `(if (call $log2) (then ${CALL_TICK}))`, "possible"],
    ["behind a jump", `(block (br_if 0 (call $log2)) ${CALL_TICK})`, "possible"],
    ["behind a return in an arm", `(if (call $log2) (then (return))) ${CALL_TICK}`, "possible"],
    ["through a function", "(call $helper)", "certain"],
    ["through a table", "(call_indirect (type $void) (i32.const 0))", "indirect"],
    ["behind the guard of a global", `(if (global.get $done) (then (return))) ${CALL_TICK}`, "certain"],
    ["in the arm of that guard", `(if (global.get $done) (then ${CALL_TICK}))`, "possible"],
    ["in the arm of its opposite", `(if (i32.eqz (global.get $done)) (then ${CALL_TICK}))`, "certain"],
    [
      "behind a guard that was set",
      `(global.set $done (i32.const 1)) (if (i32.eqz (global.get $done)) (then ${CALL_TICK}))`,
      "possible",
    ],
  ] as const)("%s is found", (_name, body, level) => {
    const report = starts(
      body,
      `(type $void (func)) (global $done (mut i32) (i32.const 0)) (table 1 funcref) (elem (i32.const 0) $helper)
       (func $log2 (result i32) (i32.const 1)) (func $helper (type $void) ${CALL_TICK})`,
    );
    const call = "env.proxy_set_tick_period_milliseconds";
    const levels = ["certain", "possible", "indirect"] as const;
    expect(levels.filter((each) => report.start[each].includes(call))).toEqual(
      levels.slice(levels.indexOf(level)),
    );
    expect(report.refusals).toEqual(
      level === "certain" ? [`_initialize calls ${call}, which traps before there is a plugin`] : [],
    );
  });

  test("a chain of twenty thousand functions that call each other is followed to its end", () => {
    const links = Array.from({ length: 20_000 }, (_, i) => `(func $f${i} (call $f${i + 1}))`).join("");
    const report = starts("(call $f0)", `${links}(func $f20000 ${CALL_TICK} (call $f0))`);
    expect(report.start.certain).toEqual(["env.proxy_set_tick_period_milliseconds"]);
  });

  test("all kinds of instructions can be read", () => {
    const report = starts(
      `(drop (i64.const -9223372036854775808)) (drop (f64.const 1.5)) (drop (f32.const 2))
       (drop (v128.const i32x4 1 2 3 4)) (drop (i32x4.extract_lane 1 (v128.const i32x4 1 2 3 4)))
       (drop (v128.load8_lane 3 (i32.const 0) (v128.const i32x4 1 2 3 4)))
       (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i32x4 1 2 3 4) (v128.const i32x4 1 2 3 4)))
       (drop (i32.trunc_sat_f64_s (f64.const 1))) (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))
       (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)) (drop (memory.grow (i32.const 0)))
       (i64.store offset=4294967295 align=1 (i32.const 0) (i64.const 1)) (drop (ref.is_null (ref.null func)))
       (drop (ref.func $helper)) (drop (table.get (i32.const 0))) (drop (table.size)) (drop (select (i32.const 1) (i32.const 2) (i32.const 3)))
       ${CALL_TICK}`,
      `(table 1 funcref) (elem (i32.const 0) $helper) (func $helper)`,
    );
    expect(report.start.certain).toHaveLength(1);
  });
});

test("names that would control a terminal, or are not UTF-8, are shown as text", () => {
  const bytes = Buffer.from(
    wat(`(import "Zenv" "YY" (func))${MINIMAL}`).map((byte) => (byte === 0x5a ? 0x1b : byte)),
  );
  bytes.fill(0xff, bytes.indexOf("YY"), bytes.indexOf("YY") + 2);
  // V8 refuses a name that is not UTF-8.
  expect(() => inspectModule(bytes)).toThrow(/not valid WebAssembly/);
  bytes.fill("Y", bytes.indexOf(0xff), bytes.indexOf(0xff) + 2);
  const report = inspectModule(bytes);
  expect(report.imports[0]).toMatchObject({ module: "\u001benv", linked: false });
  expect(describeReport(report).join("\n")).not.toContain("\u001b");
});

test("a second memory does not change the figures of the first", () => {
  expect(inspectModule(wat(`${ABI_MARKER}${ALLOCATOR}${MEMORY}`)).memory).toEqual({
    initialPages: 1,
    maximumPages: null,
  });
});
