// Property values as Envoy hands them to a module.

/**
 * Text; an integer; a duration or time in nanoseconds; a boolean; or raw bytes, such as an encoded
 * map.
 */
export type PropertyValue = string | number | bigint | boolean | Uint8Array;

/** Integers are 64 bits, little-endian. A boolean is one byte. */
export function encodeProperty(value: PropertyValue): Uint8Array {
  if (typeof value === "string") return Buffer.from(value);
  if (typeof value === "boolean") return Buffer.from([value ? 1 : 0]);
  if (typeof value === "object") return value;
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)));
  return bytes;
}

const WASM_STATE = "filter_state.wasm.";

/**
 * The property of a Wasm filter that a path names, which Envoy also finds among its filter state.
 */
export function stateKey(path: string): string {
  return path.startsWith(WASM_STATE) ? path.slice(WASM_STATE.length) : path;
}
