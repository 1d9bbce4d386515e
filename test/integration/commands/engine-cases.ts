// Modules that show what V8 in Envoy accepts, as fields of the text form: features, limits,
// segments and starts. Every supported release of Envoy does the same with each.

import { ABI_MARKER, ALLOCATOR, MINIMAL } from "../../support/wat.js";

export type Cases = Readonly<Record<string, string>>;

const BARE = ABI_MARKER + ALLOCATOR;
const memory = (limits: string) => `(memory (export "memory") ${limits})${BARE}`;
const does = (body: string) => `${MINIMAL}(func ${body})`;
const initialize = (body: string, more = "") => `${more}${MINIMAL}(func (export "_initialize") ${body})`;
const wasi = (name: string, params: string) =>
  `(import "wasi_snapshot_preview1" "${name}" (func $wasi (param ${params}) (result i32)))`;

const VECTOR = "(v128.const i32x4 1 2 3 4)";
const TAG = "(tag $t (param i32))";
const NEW_CATCH =
  "(drop (block $b (result i32) (try_table (catch $t $b) (throw $t (i32.const 1))) (i32.const 0)))";
const OLD_CATCH = "(try (do (throw $t (i32.const 1))) (catch $t (drop (pop i32))))";

/** Modules that Envoy loads, though Node 20 would refuse them. */
export const FEATURES: Cases = {
  "a struct": `(type $s (struct (field i32)))${does("(drop (struct.new $s (i32.const 1)))")}`,
  "an array": `(type $a (array i8))${does("(drop (array.new $a (i32.const 1) (i32.const 2)))")}`,
  "a cast": `(type $s (struct))${does("(param $p anyref) (drop (ref.cast (ref null $s) (local.get $p)))")}`,
  "a small number as a reference": does("(drop (i31.get_s (ref.i31 (i32.const 1))))"),
  "relaxed vectors": does(`(drop (i8x16.relaxed_swizzle ${VECTOR} ${VECTOR}))`),
  "a call through a reference": `(type $v (func))(elem declare func $y)(func $y)${does("(call_ref $v (ref.func $y))")}`,
  "the new exceptions": `${MINIMAL}${TAG}(func ${NEW_CATCH})`,
  "two memories": `${MINIMAL}(memory $m2 1)(func (drop (i32.load $m2 (i32.const 0))))`,
  "a memory of 64 bits": memory("i64 1"),
  "an extended constant": `${MINIMAL}(global i32 (i32.add (i32.const 1) (i32.const 2)))`,
};

/** Other modules that Envoy loads. */
export const ENGINE_LOADS: Cases = {
  "the legacy exceptions": `${MINIMAL}${TAG}(func ${OLD_CATCH})`,
  "tail calls": does("$f (return_call $f)"),
  "a shared memory": memory("1 1 shared"),
  "a memory of 1 GiB": memory("16384"),
  "a memory that may grow to 4 GiB": memory("1 65536"),
  "a memory from Envoy of 1 GiB": `(import "env" "memory" (memory 16384))${BARE}`,
  "data at the end of the memory": `${MINIMAL}(data (i32.const 65535) "x")`,
  "data in a memory from Envoy": `(import "env" "memory" (memory 1))${BARE}(data (i32.const 65535) "x")`,
  "an element at the end of the table": `${MINIMAL}(table 1 funcref)(func $y)(elem (i32.const 0) $y)`,
  "a table of ten million": `${MINIMAL}(table 10000000 funcref)`,
  "a table of externref from Envoy": `(import "env" "t" (table 10 externref))${MINIMAL}`,
  "a main without _initialize that traps": `${MINIMAL}(func (export "main") (param i32 i32) (result i32) unreachable)`,
  "a start that grows to 1 GiB": initialize(
    "(if (i32.eq (memory.grow (i32.const 16383)) (i32.const -1)) (then unreachable))",
  ),
  "a start that trusts an empty environment": initialize(
    "(drop (call $wasi (i32.const 0) (i32.const 8))) (if (i32.load (i32.const 0)) (then unreachable))",
    wasi("environ_sizes_get", "i32 i32"),
  ),
  "a start that trusts the clock": initialize(
    "(drop (call $wasi (i32.const 0) (i64.const 1) (i32.const 8))) (if (i64.eqz (i64.load (i32.const 8))) (then unreachable))",
    wasi("clock_time_get", "i32 i64 i32"),
  ),
  "a start that trusts a write": initialize(
    "(i32.store (i32.const 4) (i32.const 3)) (drop (call $wasi (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32))) (if (i32.ne (i32.load (i32.const 32)) (i32.const 3)) (then unreachable))",
    wasi("fd_write", "i32 i32 i32 i32"),
  ),
};

/** Modules that Envoy refuses, though Node 20 would take most of them. */
export const ENGINE_REFUSES: Cases = {
  "a memory above 1 GiB": memory("16385"),
  "a second memory above 1 GiB": `${MINIMAL}(memory $m2 16385)`,
  "a memory from Envoy above 1 GiB": `(import "env" "memory" (memory 16385))${BARE}`,
  "a shared memory from Envoy": `(import "env" "memory" (memory 1 2 shared))${BARE}`,
  "a memory of 64 bits from Envoy": `(import "env" "memory" (memory i64 1))${BARE}`,
  "a table above ten million": `${MINIMAL}(table 10000001 funcref)`,
  "data behind the memory": `${MINIMAL}(data (i32.const 65536) "x")`,
  "no data behind the memory": `${MINIMAL}(data (i32.const 65537) "")`,
  "data before the memory": `${MINIMAL}(data (i32.const -1) "x")`,
  "data behind a memory from Envoy": `(import "env" "memory" (memory 1))${BARE}(data (i32.const 65536) "x")`,
  "an element behind the table": `${MINIMAL}(table 1 funcref)(func $y)(elem (i32.const 1) $y)`,
  "both kinds of exceptions": `${MINIMAL}${TAG}(func ${NEW_CATCH})(func ${OLD_CATCH})`,
  "a start section that traps": `${MINIMAL}(start $s)(func $s unreachable)`,
  "a start section that throws": `${MINIMAL}(tag $e)(start $s)(func $s (throw $e))`,
  "an _initialize that traps": initialize("unreachable"),
  "an _initialize that throws": initialize("(throw $e)", "(tag $e)"),
  "an _initialize that traps behind a condition": initialize(
    "(if (global.get $g) (then unreachable))",
    "(global $g (mut i32) (i32.const 1))",
  ),
  "a _start that traps": `${MINIMAL}(func (export "_start") unreachable)`,
  "a main after _initialize that traps": `${initialize("nop")}(func (export "main") (param i32 i32) (result i32) unreachable)`,
  "a start that divides by zero": initialize("(drop (i32.div_s (i32.const 1) (i32.const 0)))"),
  "a start that reads behind the memory": initialize("(drop (i32.load (i32.const 65536)))"),
  "a start that calls nothing through a table": initialize(
    "(call_indirect (type $v) (i32.const 0))",
    "(type $v (func))(table 1 funcref)",
  ),
  "a start that calls itself for ever": `${MINIMAL}(func $r (export "_initialize") (call $r))`,
  "a start that needs more than 1 GiB": initialize(
    "(if (i32.eq (memory.grow (i32.const 16384)) (i32.const -1)) (then unreachable))",
  ),
  "a start that needs an environment": initialize(
    "(drop (call $wasi (i32.const 0) (i32.const 8))) (if (i32.eqz (i32.load (i32.const 0))) (then unreachable))",
    wasi("environ_sizes_get", "i32 i32"),
  ),
  "a struct and a start section that traps": `(type $s (struct))${MINIMAL}(start $f)(func $f (drop (struct.new $s)) unreachable)`,
};

/** Modules that end Envoy. */
export const ENGINE_ENDS: Cases = {
  "an export of a struct": `(type $s (struct))${MINIMAL}(func (export "z") (param (ref null $s)))`,
  "an export of a tag": `${MINIMAL}(tag (export "z") (param i32))`,
  "an export of a table of structs": `(type $s (struct))${MINIMAL}(table (export "z") 1 (ref null $s))`,
  "a table of typed references from Envoy": `(type $v (func))(import "env" "t" (table 1 (ref null $v)))${MINIMAL}`,
};

/** One of each kind, for a short run. */
export const FEW: { readonly loads: Cases; readonly refuses: Cases } = {
  loads: pick({ ...FEATURES, ...ENGINE_LOADS }, ["a struct", "relaxed vectors", "a memory of 1 GiB"]),
  refuses: pick(ENGINE_REFUSES, [
    "a memory above 1 GiB",
    "data behind the memory",
    "a start section that traps",
    "a start that divides by zero",
    "a start that needs more than 1 GiB",
  ]),
};

function pick(cases: Cases, names: readonly string[]): Cases {
  return Object.fromEntries(names.map((name) => [name, cases[name] ?? ""]));
}
