// For specs: the metadata that `jwt_authn` makes of a token's payload, from JSON.

import { Bytes } from "../text/bytes";
import { parseJson } from "../text/json";
import { JsonKind, JsonValue } from "../text/json-value";
import { ProtobufWriter } from "../text/protobuf";
import { JWT_NAMESPACE } from "./limits";

/** An encoded `envoy.config.core.v3.Metadata` with the payload under the key `jwt`. */
export function metadataOf(payload: string): Bytes {
  const value = parseJson(Bytes.of(payload)).value;
  assert(value != null, payload);
  const namespace = new ProtobufWriter();
  namespace.bytes(1, entryOf(Bytes.of("jwt"), encoded(value!)));
  const metadata = new ProtobufWriter();
  metadata.bytes(1, entryOf(Bytes.of("other"), Bytes.of("")));
  metadata.bytes(1, entryOf(Bytes.of(JWT_NAMESPACE), namespace.finish()));
  return metadata.finish();
}

function entryOf(key: Bytes, value: Bytes): Bytes {
  const entry = new ProtobufWriter();
  entry.bytes(1, key);
  entry.bytes(2, value);
  return entry.finish();
}

/** The value as a `google.protobuf.Value`. */
function encoded(value: JsonValue): Bytes {
  const writer = new ProtobufWriter();
  switch (value.kind) {
    case JsonKind.Null:
      writer.integer(1, 0);
      break;
    case JsonKind.Number:
      return doubleField(value.number);
    case JsonKind.Text:
      writer.bytes(3, value.text);
      break;
    case JsonKind.Bool:
      writer.integer(4, value.bool ? 1 : 0);
      break;
    case JsonKind.Object:
      writer.bytes(5, members(value, true));
      break;
    default:
      writer.bytes(6, members(value, false));
  }
  return writer.finish();
}

function members(value: JsonValue, named: bool): Bytes {
  const writer = new ProtobufWriter();
  for (let i = 0; i < value.items.length; i++) {
    const item = encoded(value.items[i]);
    writer.bytes(1, named ? entryOf(value.items[i].key, item) : item);
  }
  return writer.finish();
}

/** Field 2, as eight bytes. */
function doubleField(number: f64): Bytes {
  const bytes = Bytes.owned(9);
  store<u8>(bytes.ptr, (2 << 3) | 1);
  store<f64>(bytes.ptr, number, 1);
  return bytes;
}
