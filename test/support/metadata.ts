// A stream's metadata as Envoy hands it over as a whole: with the type of each value.
// Source of the numbers: `struct.proto` of protocol buffers, and
// `api/envoy/config/core/v3/base.proto` of envoyproxy/envoy.

import type { Json } from "../../envoy/config/json.js";

const VARINT = 0;
const FIXED64 = 1;
const SIZED = 2;

/**
 * The value of the property `metadata`: `properties: { metadata: dynamicMetadata(…) }`. A single
 * value, under a property such as `metadata.filter_metadata.NAMESPACE.KEY`, has no type.
 * @param namespaces what each filter keeps under its name
 */
export function dynamicMetadata(
  namespaces: Readonly<Record<string, Readonly<Record<string, Json>>>>,
): Uint8Array {
  return Buffer.concat(Object.entries(namespaces).map(([name, values]) => entry(name, struct(values))));
}

function struct(values: Readonly<Record<string, Json>>): Buffer {
  return Buffer.concat(Object.entries(values).map(([key, value]) => entry(key, encoded(value))));
}

/** An entry of a map, which is the first field of its message. */
function entry(key: string, value: Buffer): Buffer {
  return sized(1, Buffer.concat([sized(1, Buffer.from(key)), sized(2, value)]));
}

/** A `google.protobuf.Value`. */
function encoded(value: Json): Buffer {
  if (value === null) return Buffer.from([tag(1, VARINT), 0]);
  if (typeof value === "boolean") return Buffer.from([tag(4, VARINT), value ? 1 : 0]);
  if (typeof value === "string") return sized(3, Buffer.from(value));
  if (typeof value === "number") {
    const field = Buffer.alloc(9);
    field[0] = tag(2, FIXED64);
    field.writeDoubleLE(value, 1);
    return field;
  }
  if (!Array.isArray(value)) return sized(5, struct(value as Readonly<Record<string, Json>>));
  return sized(6, Buffer.concat(value.map((item) => sized(1, encoded(item)))));
}

function sized(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag(field, SIZED)]), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) | 128);
  }
}

const tag = (field: number, wire: number) => (field << 3) | wire;
