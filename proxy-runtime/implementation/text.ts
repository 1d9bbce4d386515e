// Converts between this API's strings and array buffers and the host's bytes. Bytes for the host
// are needed for one host call only, so they are encoded into the arena, which leaves no garbage.

import { allocate, view } from "../../assembly/abi/memory";
import { Bytes } from "../../assembly/text/bytes";

/** The UTF-8 bytes of `text`, valid until the callback ends. */
export function encode(text: string): Bytes {
  const size = String.UTF8.byteLength(text);
  const bytes = view(allocate(size), size);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, bytes.ptr);
  return bytes;
}

/** A view of the whole buffer, valid until the callback ends. */
export function viewOf(buffer: ArrayBuffer): Bytes {
  return view(changetype<usize>(buffer), buffer.byteLength);
}

/** The bytes in a buffer of their own; an empty one for `null`. */
export function bufferOf(bytes: Bytes | null): ArrayBuffer {
  if (!bytes) return new ArrayBuffer(0);
  const buffer = new ArrayBuffer(bytes.size);
  memory.copy(changetype<usize>(buffer), bytes.ptr, bytes.size);
  return buffer;
}
