// Memories and tables that Envoy cannot make, and segments that do not fit into them.

import { MAX_MEMORY_PAGES, MAX_TABLE_ENTRIES } from "./abi.js";
import type { WasmModule } from "./parts.js";
import type { Limits } from "./types.js";

const PAGE_BYTES = 65_536;

/** A line for each memory, table and segment for which Envoy refuses the module. */
export function limitRefusals(module: WasmModule): readonly string[] {
  return [
    ...sizeRefusals(module.memories, "memory", "pages", MAX_MEMORY_PAGES),
    ...sizeRefusals(module.tables, "table", "entries", MAX_TABLE_ENTRIES),
    ...importRefusals(module, "memory", module.memories),
    ...importRefusals(module, "table", module.tables),
    ...segmentRefusals(module),
  ];
}

function sizeRefusals(all: readonly Limits[], what: string, unit: string, most: number): readonly string[] {
  return all
    .filter(({ initial }) => initial > most)
    .map(({ initial }) => `its ${what} has ${count(initial)} ${unit}, and Envoy allows ${count(most)}`);
}

/** Envoy makes memories and tables for imports, with addresses of 32 bits and not shared. */
function importRefusals(module: WasmModule, kind: "memory" | "table", all: readonly Limits[]): string[] {
  const imported = module.imports.filter((entry) => entry.kind === kind);
  return imported.flatMap(({ module: from, name }, i) => {
    const { is64 = false, isShared = false } = all[i] ?? {};
    if (!is64 && !isShared) return [];
    const how = is64 ? "of 64 bits" : "that is shared";
    return [`it imports the ${kind} ${from}.${name} ${how}, and Envoy gives only a plain one`];
  });
}

function segmentRefusals({ segments, memories, tables }: WasmModule): readonly string[] {
  return segments.flatMap(({ kind, target, offset, size }) => {
    const isData = kind === "data";
    const { initial, is64 } = (isData ? memories : tables)[target] ?? {};
    if (offset === undefined || initial === undefined) return [];
    const room = isData ? initial * PAGE_BYTES : initial;
    const start = Number(BigInt.asUintN(is64 ? 64 : 32, offset));
    if (start + size <= room) return [];
    const [what, unit] = isData ? ["memory", "bytes"] : ["table", "entries"];
    const range = `${count(start)} to ${count(start + size)}`;
    return [`its ${kind} segment at ${range} does not fit into its ${what} of ${count(room)} ${unit}`];
  });
}

function count(value: number): string {
  return value.toLocaleString("en");
}
