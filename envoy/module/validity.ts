// Whether V8 in Envoy takes a module for valid, whatever Node runs this.

import { execFile } from "node:child_process";
import { ByteReader, MalformedModule } from "./byte-reader.js";
import { type Feature, missingFeatures } from "./features.js";
import { walkExpression } from "./instructions.js";
import type { WasmModule } from "./parts.js";
import { readLocals } from "./types.js";

/** V8 in the oldest supported release of Envoy. A newer one may accept more. */
const OLDEST_V8 = 13.8;

/**
 * Asks this process's V8 as far as it knows what the module uses.
 * Throws `MalformedModule` where the module is not valid.
 * @returns the features that only another validator can judge, `validateElsewhere`
 */
export function validate(module: WasmModule): ReadonlySet<Feature> {
  const reason = refusalByV8(module.bytes);
  const ownV8 = Number.parseFloat(process.versions.v8);
  if (reason === undefined && ownV8 <= OLDEST_V8) return new Set();
  const features = featuresOf(module);
  if (features.has("legacy exceptions") && features.has("exception references")) {
    throw new MalformedModule("is not valid WebAssembly: it mixes legacy exceptions with the new ones");
  }
  if (reason === undefined) return new Set();
  const missing = missingFeatures();
  const unknown = new Set([...features].filter((feature) => missing.has(feature)));
  if (unknown.size === 0) throw new MalformedModule(`is not valid WebAssembly: ${reason}`);
  return unknown;
}

/**
 * The later features that a module uses. Reads every instruction.
 * Throws `MalformedModule` at one that no supported release of Envoy knows.
 */
function featuresOf(module: WasmModule): ReadonlySet<Feature> {
  const { bytes, bodies, memories, tables } = module;
  const features = new Set(module.features);
  if (memories.length > 1) features.add("several memories");
  if ([...memories, ...tables].some(({ is64 }) => is64)) features.add("memories of 64 bits");
  for (const { start, end } of bodies) {
    const reader = new ByteReader(bytes, start, end, features);
    readLocals(reader);
    walkExpression(reader, () => {});
  }
  return features;
}

function refusalByV8(bytes: Uint8Array): string | undefined {
  try {
    new WebAssembly.Module(bytes);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^WebAssembly\.Module\(\): /, "") : String(error);
  }
}

/** Reads a module from its input, and exits with 0 where it is valid. */
const PROGRAM = `
const { default: binaryen } = await import(process.argv[1]);
const pieces = [];
for await (const piece of process.stdin) pieces.push(piece);
const module = binaryen.readBinary(Buffer.concat(pieces));
const { All, Strings, StackSwitching, SharedEverything, FP16 } = binaryen.Features;
module.setFeatures(All & ~(Strings | StackSwitching | SharedEverything | FP16));
process.exit(module.validate() ? 0 : 1);
`;
const PATIENCE_MS = 60_000;

/**
 * Asks Binaryen, which the compiler brings along: it has all of the features that V8 in Envoy has,
 * save tables with a first value. It runs in a process of its own, which a broken module may end.
 * Throws `MalformedModule` where the module is not valid.
 */
export async function validateElsewhere(bytes: Uint8Array, unknown: ReadonlySet<Feature>): Promise<void> {
  if (unknown.has("tables with a first value")) return;
  const binaryen = import.meta.resolve("assemblyscript/binaryen");
  const args = ["--input-type=module", "--eval", PROGRAM, binaryen];
  const said = await new Promise<string | undefined>((resolve) => {
    const child = execFile(process.execPath, args, { timeout: PATIENCE_MS }, (error, _stdout, stderr) =>
      resolve(error === null ? undefined : stderr),
    );
    // A process that ends early closes its input.
    child.stdin?.on("error", () => {}).end(bytes);
  });
  if (said !== undefined) throw new MalformedModule(`is not valid WebAssembly: ${reasonIn(said)}`);
}

/** The first line that says what is wrong. */
function reasonIn(said: string): string {
  const lines = said
    .split("\n")
    .map((line) => /\[(?:parse exception: )?(.*?)\]?(?:Fatal:.*)?$/.exec(line)?.[1]);
  return lines.find((line) => line !== undefined && line !== "") ?? "its instructions do not fit together";
}
