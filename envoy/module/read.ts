// A WebAssembly module's parts, read from its bytes.

import { ByteReader, MalformedModule } from "./byte-reader.js";
import { readConstant } from "./constants.js";
import { readCustomSection } from "./custom-sections.js";
import { Op, walkExpression } from "./instructions.js";
import type { ExternKind, WasmExport, WasmGlobal, WasmModule } from "./parts.js";
import { readLimits, readTypes, readValueType, type TableType } from "./types.js";

const KINDS: readonly ExternKind[] = ["function", "table", "memory", "global", "tag"];

const SECTIONS: readonly (string | undefined)[] = [
  "custom",
  "type",
  "import",
  "function",
  "table",
  "memory",
  "global",
  "export",
  "start",
  "element",
  "code",
  "data",
  "data count",
  "tag",
];

/** Reads a module. Throws `MalformedModule` where the bytes are not a whole module of version 1. */
export function readModule(bytes: Uint8Array): WasmModule {
  const reader = new ByteReader(bytes);
  readHead(reader);
  const module: WasmModule = {
    bytes,
    features: reader.features,
    sections: [],
    types: [],
    imports: [],
    functionTypes: [],
    memories: [],
    tables: [],
    globals: [],
    exports: [],
    startFunction: undefined,
    segments: [],
    tabled: new Set(),
    bodies: [],
    functionNames: new Map(),
    producers: [],
    sourceMapUrl: undefined,
  };
  while (!reader.done) readSection(reader, module);
  return module;
}

function readHead(reader: ByteReader): void {
  const { bytes } = reader;
  if (bytes.length === 0) throw new MalformedModule("is empty");
  if (![0x00, 0x61, 0x73, 0x6d].every((byte, i) => bytes[i] === byte)) {
    throw new MalformedModule(`is not WebAssembly, but ${guessFormat(bytes)}`);
  }
  if (bytes.length < 8) throw new MalformedModule("ends in the middle of its head");
  const version = (bytes[4] ?? 0) + (bytes[5] ?? 0) * 256;
  const layer = (bytes[6] ?? 0) + (bytes[7] ?? 0) * 256;
  if (layer === 1) throw new MalformedModule("is a component, and Envoy takes only core modules");
  if (version !== 1 || layer !== 0)
    throw new MalformedModule(`is WebAssembly of the unknown version ${version}`);
  reader.skip(8);
}

function guessFormat(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 512)).toString("latin1");
  if (head.startsWith("\x7fELF")) return "an ELF program or library";
  if (head.startsWith("\x1f\x8b")) return "gzip: unpack it first";
  if (head.startsWith("PK")) return "a zip archive";
  if (head.startsWith("(module")) return "the text form: make the binary with wat2wasm";
  return /^[\t\r\n\x20-\x7e]*$/.test(head) ? "text" : "something else";
}

function readSection(reader: ByteReader, module: WasmModule): void {
  const start = reader.position;
  const id = reader.u8();
  const name = SECTIONS[id];
  if (name === undefined) {
    reader.position = start;
    throw reader.malformed(`has a section of the unknown kind ${id}`);
  }
  let section: ByteReader;
  try {
    section = reader.part(reader.u32());
  } catch (error) {
    throw new MalformedModule(`ends in the middle of its ${name} section, which begins at byte ${start}`, {
      cause: error,
    });
  }
  const custom = id === 0 ? section.name() : undefined;
  module.sections.push({ name: custom ?? name, start, bytes: reader.position - start });
  if (custom === undefined) readKnownSection(section, name, module);
  else readCustomSection(section, custom, module);
}

function readKnownSection(reader: ByteReader, name: string, module: WasmModule): void {
  switch (name) {
    case "type":
      module.types = readTypes(reader);
      return;
    case "import":
      reader.list((each) => readImport(each, module));
      return;
    case "function":
      reader.list((each) => module.functionTypes.push(each.u32()));
      return;
    case "memory":
      reader.list((each) => module.memories.push(readLimits(each)));
      return;
    case "table":
      reader.list((each) => module.tables.push(readTable(each, module)));
      return;
    case "global":
      reader.list((each) => module.globals.push(readGlobal(each, module)));
      return;
    case "export":
      module.exports = reader.list(readExport);
      return;
    case "start":
      module.startFunction = reader.u32();
      return;
    case "element":
      reader.list((each) => readElements(each, module));
      return;
    case "data":
      reader.list((each) => readData(each, module));
      return;
    case "code":
      module.bodies = reader.list((each) => {
        const { position: start, end } = each.part(each.u32());
        return { start, end };
      });
      return;
  }
}

function readKind(reader: ByteReader): ExternKind {
  const kind = KINDS[reader.u8()];
  if (kind === undefined) throw reader.malformed("imports or exports something of an unknown kind");
  return kind;
}

function readImport(reader: ByteReader, wasm: WasmModule): void {
  const module = reader.name();
  const name = reader.name();
  const kind = readKind(reader);
  if (kind !== "function") {
    readOtherImport(reader, kind, wasm);
    wasm.imports.push({ module, name, kind });
    return;
  }
  const type = reader.u32();
  const signature = wasm.types[type];
  if (!signature) throw reader.malformed("imports a function of a type that it does not have");
  wasm.functionTypes.push(type);
  wasm.imports.push({ module, name, kind, signature });
}

function readOtherImport(reader: ByteReader, kind: ExternKind, wasm: WasmModule): void {
  if (kind === "memory") {
    wasm.memories.push(readLimits(reader));
  } else if (kind === "table") {
    wasm.tables.push(readTable(reader, wasm));
  } else if (kind === "global") {
    const type = readValueType(reader);
    wasm.globals.push({ type, isMutable: reader.u8() === 1, initial: undefined });
  } else {
    reader.u8();
    reader.u32();
  }
}

/** What a table with a first value begins with. */
const WITH_VALUE = 0x40;

function readTable(reader: ByteReader, module: WasmModule): TableType {
  const hasValue = reader.bytes[reader.position] === WITH_VALUE;
  if (hasValue) {
    reader.skip(2);
    reader.features.add("tables with a first value");
  }
  const type = readValueType(reader);
  const limits = readLimits(reader);
  if (hasValue) readConstant(reader, module);
  return { type, ...limits };
}

/** One data segment: in the first memory, passive, or in the memory of that number. */
function readData(reader: ByteReader, module: WasmModule): void {
  const form = reader.u32();
  if (form > 2) throw reader.malformed("has a data segment of an unknown form");
  const target = form === 2 ? reader.u32() : 0;
  const offset = form === 1 ? undefined : readConstant(reader, module);
  const size = reader.u32();
  reader.skip(size);
  if (form !== 1) module.segments.push({ kind: "data", target, offset, size });
}

function readGlobal(reader: ByteReader, module: WasmModule): WasmGlobal {
  const type = readValueType(reader);
  const mutability = reader.u8();
  if (mutability > 1) throw reader.malformed("has a global of an unknown kind");
  return { type, isMutable: mutability === 1, initial: readConstant(reader, module) };
}

function readExport(reader: ByteReader): WasmExport {
  return { name: reader.name(), kind: readKind(reader), index: reader.u32() };
}

/**
 * One element segment, of any of the eight forms: bit 0 passive or declared, bit 1 with a table's
 * number, bit 2 with expressions.
 */
function readElements(reader: ByteReader, module: WasmModule): void {
  const { tabled } = module;
  const form = reader.u32();
  if (form > 7) throw reader.malformed("has an element segment of an unknown form");
  const isActive = (form & 1) === 0;
  const target = isActive && (form & 2) !== 0 ? reader.u32() : 0;
  const offset = isActive ? readConstant(reader, module) : undefined;
  const byExpressions = (form & 4) !== 0;
  if ((form & 3) !== 0) {
    if (byExpressions) readValueType(reader);
    else reader.u8();
  }
  const { length: size } = reader.list((each) => {
    if (!byExpressions) return void tabled.add(each.u32());
    walkExpression(each, (op, _offset, operand) => {
      if (op === Op.RefFunc) tabled.add(operand);
    });
  });
  if (isActive) module.segments.push({ kind: "element", target, offset, size });
}
