// Whole header maps as lists of pairs.

import { allocate, view } from "../../assembly/abi/memory";
import { Bytes } from "../../assembly/text/bytes";
import { HeaderPairs, WORD } from "../../assembly/text/header-pairs";
import { bufferOf } from "./text";

/** One header, or one trailer. */
export class HeaderPair {
  key: ArrayBuffer;
  value: ArrayBuffer;

  constructor(header_key_data: ArrayBuffer, header_value_data: ArrayBuffer) {
    this.key = header_key_data;
    this.value = header_value_data;
  }

  /** `name:value`, for logs. */
  toString(): string {
    return String.UTF8.decode(this.key) + ":" + String.UTF8.decode(this.value);
  }
}

export type Headers = Array<HeaderPair>;

/** A pair of two strings. */
export function makeHeaderPair(key: string, value: string): HeaderPair {
  return new HeaderPair(String.UTF8.encode(key), String.UTF8.encode(value));
}

/** The list in the ABI's encoding, valid until the callback ends. */
export function encodeHeaders(headers: Headers): Bytes {
  const count = headers.length;
  let size = WORD + count * 2 * WORD;
  for (let i = 0; i < count; i++) size += headers[i].key.byteLength + headers[i].value.byteLength + 2;
  const encoded = view(allocate(size), size);
  store<i32>(encoded.ptr, count);
  let sizes = encoded.ptr + WORD;
  let data = sizes + count * 2 * WORD;
  for (let i = 0; i < count; i++) {
    data = put(headers[i].key, sizes, data);
    data = put(headers[i].value, sizes + WORD, data);
    sizes += 2 * WORD;
  }
  return encoded;
}

/** Writes one part and its size. Returns where the next part goes. */
function put(part: ArrayBuffer, sizeAt: usize, data: usize): usize {
  const size = part.byteLength;
  store<i32>(sizeAt, size);
  memory.copy(data, changetype<usize>(part), size);
  store<u8>(data + size, 0);
  return data + size + 1;
}

/** The list, in its own memory; an empty one for `null`. */
export function listOf(pairs: HeaderPairs | null): Headers {
  const headers: Headers = [];
  if (!pairs) return headers;
  while (pairs.next()) headers.push(new HeaderPair(bufferOf(pairs.name), bufferOf(pairs.value)));
  return headers;
}
