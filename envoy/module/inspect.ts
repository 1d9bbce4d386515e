// What a proxy-wasm module imports from Envoy and exports to it, whichever SDK made it.

import { defaultEnvoyVersion, envoyReleases } from "../runtime/releases.js";
import { type AbiVersion, ALLOCATORS, callbacksOf } from "./abi.js";
import { leftOutOf } from "./lean.js";
import type { ExternKind, WasmImport, WasmModule } from "./parts.js";
import { readModule } from "./read.js";
import { abiOf, importRefusal, isMemoryVisible, refusalsOf } from "./refusals.js";
import { exportedFunction, readStart, type Start } from "./start.js";
import { describeSignature } from "./types.js";
import { validate } from "./validity.js";

export interface InspectedImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  /** A function's signature, such as `i32 i32 -> i32`. */
  readonly signature: string | null;
  /** Whether stock Envoy links the import. */
  readonly linked: boolean;
}

/** A module's figures. */
export interface ModuleReport {
  /** Size of the file. */
  readonly bytes: number;
  /** The version of the ABI that its marker names. */
  readonly abi: AbiVersion | null;
  readonly allocator: string | null;
  readonly sections: readonly { readonly name: string; readonly bytes: number }[];
  readonly imports: readonly InspectedImport[];
  /** Exported callbacks that Envoy will call. */
  readonly callbacks: readonly string[];
  /** Callbacks that a lean build leaves out, as it says itself; none in any other module. */
  readonly leftOut: readonly string[];
  /** Exports that are named like callbacks and that Envoy never calls. */
  readonly unknownCallbacks: readonly string[];
  /** What runs when a VM starts. */
  readonly start: Start;
  /** The memory that Envoy uses, in pages of 64 KiB; `null` where Envoy can reach none. */
  readonly memory: { readonly initialPages: number; readonly maximumPages: number | null } | null;
  /** How many functions have names. */
  readonly functionNames: number;
  readonly sourceMapUrl: string | null;
  /** What made it, such as `language Rust`. */
  readonly producers: WasmModule["producers"];
  /**
   * The reasons why the Envoy that `$ENVOY_VERSION` names, or else the default one, would refuse
   * it; empty where it loads.
   */
  readonly refusals: readonly string[];
  /** The same for each supported release that refuses it for other reasons. */
  readonly otherReleases: Readonly<Record<string, readonly string[]>>;
}

/**
 * Reads a module's figures and finds what Envoy would refuse. Throws `MalformedModule` where
 * `bytes` is not a WebAssembly module. What only a later Node knows, and how the start ends, is not
 * judged here: `inspectFile` does that too.
 */
export function inspectModule(bytes: Uint8Array): ModuleReport {
  const module = readModule(bytes);
  validate(module);
  return reportOf(module);
}

/** The report on a valid module. */
export function reportOf(module: WasmModule): ModuleReport {
  const abi = abiOf(module);
  const known = callbacksOf(abi ?? "0.2.1");
  const exported = module.exports.filter((entry) => entry.kind === "function").map((entry) => entry.name);
  const [memory] = module.memories;
  const release = process.env.ENVOY_VERSION ?? defaultEnvoyVersion;
  const refusals = refusalsOf(module, release);
  return {
    bytes: module.bytes.length,
    abi,
    allocator: ALLOCATORS.find((name) => exportedFunction(module, name) !== undefined) ?? null,
    sections: module.sections.map(({ name, bytes }) => ({ name, bytes })),
    imports: module.imports.map((entry) => inspectImport(entry, abi ?? "0.2.1", release)),
    callbacks: exported.filter((name) => known.has(name)),
    leftOut: leftOutOf(module),
    unknownCallbacks: exported.filter((name) => isCallbackName(name) && !known.has(name)),
    start: readStart(module),
    memory:
      memory === undefined || !isMemoryVisible(module)
        ? null
        : { initialPages: memory.initial, maximumPages: memory.maximum },
    functionNames: module.functionNames.size,
    sourceMapUrl: module.sourceMapUrl ?? null,
    producers: module.producers,
    refusals,
    otherReleases: otherReleases(module, refusals),
  };
}

function otherReleases(module: WasmModule, refusals: readonly string[]): ModuleReport["otherReleases"] {
  const all = Object.keys(envoyReleases).map((each) => [each, refusalsOf(module, each)] as const);
  return Object.fromEntries(all.filter(([, own]) => own.join() !== refusals.join()));
}

function isCallbackName(name: string): boolean {
  return name.startsWith("proxy_on_") && !ALLOCATORS.includes(name as (typeof ALLOCATORS)[number]);
}

function inspectImport(entry: WasmImport, abi: AbiVersion, release: string): InspectedImport {
  return {
    module: entry.module,
    name: entry.name,
    kind: entry.kind,
    signature: entry.signature === undefined ? null : describeSignature(entry.signature),
    linked: importRefusal(entry, abi, release) === undefined,
  };
}
