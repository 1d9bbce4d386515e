// Keys of shared data. While Envoy changes from an old release to a new one, VMs of both share
// their data. Filters of one `vm_id` share it at all times. So a key names the filter, the purpose
// and the layout of its value, and nobody reads bytes that mean something else.

import { Bytes } from "./bytes";
import { TextBuffer } from "./text-buffer";

const COLON = Bytes.of(":");
const COMMA = Bytes.of(",");

/**
 * A key that no other call of this function can produce, whatever bytes the names are: each part is
 * written as a netstring, with its size before it. Allocates.
 * @param filter the filter that the value belongs to
 * @param purpose what the filter keeps there
 * @param layout the version of the value's layout: raise it when the meaning of any byte changes
 * @param names what tells this value from others of that purpose; a purpose always has the same
 * number of names
 * @param room bytes at the end that the caller writes, zero at first; a purpose always has the same
 * number
 */
export function sharedKey(
  filter: string,
  purpose: string,
  layout: u32,
  names: StaticArray<Bytes> = [],
  room: i32 = 0,
): Bytes {
  const text = new TextBuffer();
  addPart(text, Bytes.of(filter));
  addPart(text, Bytes.of(purpose));
  addPart(text, Bytes.of(layout.toString()));
  for (let i = 0; i < names.length; i++) addPart(text, names[i]);
  text.add(Bytes.owned(room));
  return text.text().copy();
}

/** In the format of https://cr.yp.to/proto/netstrings.txt. */
function addPart(text: TextBuffer, part: Bytes): void {
  text.addNumber(part.size);
  text.add(COLON);
  text.add(part);
  text.add(COMMA);
}
