// The custom sections that tell about a module: names, who made it, where its source map is.

import { type ByteReader, MalformedModule } from "./byte-reader.js";
import type { WasmModule } from "./parts.js";

const FUNCTION_NAMES = 1;

/**
 * Reads the sections that are used here. Envoy refuses a module whose `name` section cannot be
 * read, and ignores faults in others.
 */
export function readCustomSection(reader: ByteReader, name: string, module: WasmModule): void {
  if (name === "name") {
    // Envoy reads only the first one.
    if (module.functionNames.size === 0) module.functionNames = readNames(reader);
    return;
  }
  try {
    if (name === "producers") module.producers = readProducers(reader);
    if (name === "sourceMappingURL") module.sourceMapUrl = reader.name();
  } catch (error) {
    if (!(error instanceof MalformedModule)) throw error;
  }
}

function readNames(reader: ByteReader): ReadonlyMap<number, string> {
  let names: ReadonlyMap<number, string> = new Map();
  try {
    while (!reader.done) {
      const id = reader.u8();
      const part = reader.part(reader.u32());
      if (id !== FUNCTION_NAMES) continue;
      names = new Map(part.list((each) => [each.u32(), each.name()]));
      if (!part.done) throw part.malformed("has bytes that belong to no name");
    }
  } catch (error) {
    throw new MalformedModule("has a name section that cannot be read, and Envoy reads it", { cause: error });
  }
  return names;
}

function readProducers(reader: ByteReader): WasmModule["producers"] {
  return reader
    .list((each) => {
      const field = each.name();
      return each.list((value) => ({ field, name: value.name(), version: value.name() }));
    })
    .flat();
}
