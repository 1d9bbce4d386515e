// The reasons why stock Envoy would not run a module, in plain words.

import { nearest } from "../problems.js";
import {
  ABI_MARKERS,
  type AbiVersion,
  ALLOCATOR_SIGNATURE,
  ALLOCATORS,
  callbacksOf,
  linkedImports,
  START_EXPORTS,
} from "./abi.js";
import { limitRefusals } from "./limits.js";
import type { WasmImport, WasmModule } from "./parts.js";
import { exportedFunction, startExports, startRefusals } from "./start.js";
import { describeSignature, type Signature, sameSignature } from "./types.js";

/**
 * The version of the ABI that a module's marker names. Envoy takes the first marker among the
 * exports.
 */
export function abiOf(module: WasmModule): AbiVersion | null {
  const marker = module.exports.find((entry) => entry.kind === "function" && entry.name in ABI_MARKERS);
  return marker === undefined ? null : (ABI_MARKERS[marker.name] ?? null);
}

/**
 * Every reason why stock Envoy would refuse the module, or would crash; none where it loads.
 * @param release of Envoy, such as `1.39.3`
 */
export function refusalsOf(module: WasmModule, release?: string): readonly string[] {
  const abi = abiOf(module);
  const version = abi ?? "0.2.1";
  return [
    ...(abi === null ? [missingMarker(module)] : []),
    ...module.imports.flatMap((entry) => importRefusal(entry, version, release) ?? []),
    ...limitRefusals(module),
    ...allocatorRefusals(module),
    ...signatureRefusals(module, version),
    ...memoryRefusals(module),
    ...startRefusals(module),
    ...typeRefusals(module),
  ];
}

function missingMarker(module: WasmModule): string {
  const other = module.exports.find((entry) => entry.name.startsWith("proxy_abi_version_"));
  const known = Object.values(ABI_MARKERS).join(", ");
  if (other === undefined)
    return "it exports no ABI marker, such as proxy_abi_version_0_2_1: it is not a proxy-wasm module";
  if (other.kind !== "function") return `its ABI marker ${other.name} is a ${other.kind}, not a function`;
  return `its ABI marker is ${other.name}, and Envoy speaks ${known}`;
}

/** Why Envoy does not link this import, or `undefined` where it does. */
export function importRefusal(entry: WasmImport, version: AbiVersion, release?: string): string | undefined {
  const name = `${entry.module}.${entry.name}`;
  // Envoy makes memories and tables for modules that import them.
  if (entry.kind === "memory" || entry.kind === "table") return undefined;
  if (entry.signature === undefined) return `it imports the ${entry.kind} ${name}, which Envoy does not link`;
  const linked = linkedImports(version, release);
  const own = linked.get(name);
  if (own === undefined) {
    if (release !== undefined && linkedImports(version).has(name)) {
      return `it imports ${name}, which Envoy ${release} does not link, and 1.39 does`;
    }
    const close = nearest(name, [...linked.keys()]);
    const hint = close === undefined ? "" : `; did you mean ${close}?`;
    return `it imports ${name}, which Envoy does not link${hint}`;
  }
  if (sameSignature(own, entry.signature)) return undefined;
  return `it imports ${name} as ${describeSignature(entry.signature)}, and Envoy has it as ${describeSignature(own)}`;
}

function allocatorRefusals(module: WasmModule): readonly string[] {
  const name = ALLOCATORS.find((each) => exportedFunction(module, each) !== undefined);
  if (name === undefined) return [`it exports no allocator, ${ALLOCATORS.join(" or ")}`];
  return wrongSignature(module, name, ALLOCATOR_SIGNATURE);
}

function signatureRefusals(module: WasmModule, version: AbiVersion): readonly string[] {
  const wanted = [
    ...callbacksOf(version),
    ...startExports(module).map((name): [string, Signature] => [name, START_EXPORTS[name] as Signature]),
  ];
  return wanted.flatMap(([name, signature]) => wrongSignature(module, name, signature));
}

function wrongSignature(module: WasmModule, name: string, wanted: Signature): readonly string[] {
  const fn = exportedFunction(module, name);
  const type = fn === undefined ? undefined : module.types[module.functionTypes[fn] ?? -1];
  if (type == null || sameSignature(type, wanted)) return [];
  return [
    `it exports ${name} as ${describeSignature(type)}, and Envoy calls it as ${describeSignature(wanted)}`,
  ];
}

/** Without a memory to write to, the first host call ends Envoy 1.39.3 with SIGSEGV. */
function memoryRefusals(module: WasmModule): readonly string[] {
  const calls = module.imports.some((entry) => entry.kind === "function");
  if (!calls || isMemoryVisible(module)) return [];
  return ["it exports no memory, and its first host call would end Envoy"];
}

/** Whether Envoy can reach the module's memory. */
export function isMemoryVisible(module: WasmModule): boolean {
  return [...module.exports, ...module.imports].some((entry) => entry.kind === "memory");
}

const HOST_TYPES: readonly string[] = ["i32", "i64", "f32", "f64", "funcref", "externref"];

/**
 * Envoy 1.39.3 reads the type of every export, and ends with SIGTRAP at one that its interface to
 * V8 does not know.
 */
function typeRefusals(module: WasmModule): readonly string[] {
  const isOdd = (type: string) => !HOST_TYPES.includes(type);
  const imported = module.imports.filter(({ kind }) => kind === "table");
  return [
    ...imported.flatMap(({ name }, i) => {
      const { type = "funcref" } = module.tables[i] ?? {};
      return isOdd(type) ? [`it imports the table ${name} of the type ${type}, which ends Envoy`] : [];
    }),
    ...module.exports.flatMap((entry) => {
      const odd = exportTypes(module, entry.kind, entry.index).find(isOdd);
      return odd === undefined ? [] : [`it exports ${entry.name} with the type ${odd}, which ends Envoy`];
    }),
  ];
}

function exportTypes(module: WasmModule, kind: string, index: number): readonly string[] {
  if (kind === "global") return [module.globals[index]?.type ?? "i32"];
  if (kind === "table") return [module.tables[index]?.type ?? "funcref"];
  if (kind === "tag") return ["tag"];
  const type = kind === "function" ? module.types[module.functionTypes[index] ?? -1] : undefined;
  return type == null ? [] : [...type.params, ...type.results];
}
