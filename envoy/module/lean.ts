// Makes a lean build of a module: the same code without the exports of some callbacks, which Envoy
// then never enters. The module has a global for the callbacks that it lacks, and refuses settings
// that need one of them.

import { STREAM_CALLBACKS } from "../../assembly/callback-names.js";
import { MeshwrightError } from "../errors.js";
import { ByteReader } from "./byte-reader.js";
import { nameBytes, s32Bytes, sectionBytes, u32Bytes } from "./byte-writer.js";
import { readConstant } from "./constants.js";
import type { WasmExport, WasmModule } from "./parts.js";
import { readModule } from "./read.js";
import { readValueType } from "./types.js";

/** The exported globals of a module that can be lean, as bits of `STREAM_CALLBACKS`. */
export const LEFT_OUT_GLOBAL = "left_out_callbacks";
export const NEEDED_GLOBAL = "needed_callbacks";

const CUSTOM = 0;
const GLOBAL = 6;
const EXPORT = 7;
const PADDING_NAME = "lean";
const I32_CONST = 0x41;
const END = 0x0b;

/** The bits of these callbacks; others have none. */
export function callbackBits(names: readonly string[]): number {
  return STREAM_CALLBACKS.reduce((bits, name, i) => (names.includes(name) ? bits | (1 << i) : bits), 0);
}

/** The names of the callbacks with these bits. */
export function callbackNames(bits: number): readonly string[] {
  return STREAM_CALLBACKS.filter((_, i) => (bits & (1 << i)) !== 0);
}

/** The callbacks that this build leaves out; none in a whole module. */
export function leftOutOf(module: WasmModule): readonly string[] {
  const index = globalOf(module, LEFT_OUT_GLOBAL);
  const initial = index === undefined ? undefined : module.globals[index]?.initial;
  return callbackNames(Number(BigInt.asIntN(32, initial ?? 0n)));
}

/** Whether a lean build can be made of the module: our SDK's filters export the globals for it. */
export function canBeLean(module: WasmModule): boolean {
  return [LEFT_OUT_GLOBAL, NEEDED_GLOBAL].every((name) => globalOf(module, name) !== undefined);
}

/** A constant does not count: its value may stand elsewhere in the code too. */
function globalOf({ exports, globals }: WasmModule, name: string): number | undefined {
  const { index = -1 } = exports.find((each) => each.kind === "global" && each.name === name) ?? {};
  const found = globals[index];
  return found?.type === "i32" && found.isMutable ? index : undefined;
}

/**
 * The module without the exports of these callbacks, of the same size and with its code at the same
 * place, so that its source map and its names stay right. Callbacks that it does not export change
 * nothing.
 * @throws MeshwrightError `build` for a module that does not say what it lacks
 */
export function leanModule(bytes: Uint8Array, callbacks: readonly string[]): Uint8Array {
  const module = readModule(bytes);
  const dropped = module.exports.filter(
    ({ kind, name }) => kind === "function" && STREAM_CALLBACKS.includes(name) && callbacks.includes(name),
  );
  if (dropped.length === 0) return bytes;
  const global = globalOf(module, LEFT_OUT_GLOBAL);
  if (global === undefined || !canBeLean(module)) {
    throw new MeshwrightError(
      "build",
      `the module exports no ${LEFT_OUT_GLOBAL} and ${NEEDED_GLOBAL}: export them from assembly/exports/plugin, and build it again`,
    );
  }
  const leftOut = callbackBits([...leftOutOf(module), ...dropped.map(({ name }) => name)]);
  const globals = globalSection(module, global, leftOut);
  const exports = exportSection(module.exports.filter((each) => !dropped.includes(each)));
  const parts = module.sections.flatMap((section) => {
    if (section.name === "global") return [globals];
    if (section.name !== "export") return [bytes.subarray(section.start, section.start + section.bytes)];
    const before = sizeOf(module, "global") + section.bytes;
    return [exports, padding(before - globals.length - exports.length)];
  });
  return Buffer.concat([bytes.subarray(0, 8), ...parts]);
}

function sizeOf({ sections }: WasmModule, name: string): number {
  return sections.find((each) => each.name === name)?.bytes ?? 0;
}

function exportSection(exports: readonly WasmExport[]): Buffer {
  const kinds = ["function", "table", "memory", "global", "tag"];
  const entries = exports.flatMap(({ name, kind, index }) => [
    nameBytes(name),
    Buffer.from([kinds.indexOf(kind)]),
    u32Bytes(index),
  ]);
  return sectionBytes(EXPORT, Buffer.concat([u32Bytes(exports.length), ...entries]));
}

/** The section of globals in which one of them begins with another value. */
function globalSection(module: WasmModule, index: number, value: number): Buffer {
  const { bytes, imports, sections } = module;
  const section = sections.find(({ name }) => name === "global");
  const { start = 0, bytes: size = 0 } = section ?? {};
  const reader = new ByteReader(bytes, start + 1, start + size);
  reader.u32();
  const first = reader.position;
  const last = index - imports.filter(({ kind }) => kind === "global").length;
  reader.u32();
  for (let i = 0; ; i++) {
    readValueType(reader);
    reader.u8();
    const before = reader.position;
    readConstant(reader, module);
    if (i < last) continue;
    const expression = [Buffer.from([I32_CONST]), s32Bytes(value), Buffer.from([END])];
    const parts = [
      bytes.subarray(first, before),
      ...expression,
      bytes.subarray(reader.position, start + size),
    ];
    return sectionBytes(GLOBAL, Buffer.concat(parts));
  }
}

/** A section of that many bytes that means nothing. Its size is written in five bytes. */
function padding(size: number): Buffer {
  const name = nameBytes(PADDING_NAME);
  const content = Buffer.concat([name, Buffer.alloc(size - 6 - name.length)]);
  const low = [0, 7, 14, 21].map((shift) => ((content.length >>> shift) & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([CUSTOM, ...low, content.length >>> 28]), content]);
}
