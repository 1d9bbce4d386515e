// Keys of shared data. VMs of an old and a new release have their data in common while Envoy goes
// from one to the other, and so have filters of one `vm_id`: a key says whose value it is, what for
// and in which layout, so that nobody reads bytes that mean something else.

import { Bytes } from "./bytes";
import { TextBuffer } from "./text-buffer";

const COLON = Bytes.of(":");
const COMMA = Bytes.of(",");

/**
 * A key that nothing else made by this function can have, whatever bytes the names are: each part
 * is written as a netstring, its size before it. Allocates.
 * @param filter whose value it is
 * @param purpose what the filter keeps there
 * @param layout the version of the value's layout: raise it with any change of what a byte means
 * @param names what tells this value from others of that purpose; of one purpose always as many
 * @param room bytes at the end that the caller writes, zero at first; of one purpose always as many
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

/** As https://cr.yp.to/proto/netstrings.txt has it. */
function addPart(text: TextBuffer, part: Bytes): void {
  text.addNumber(part.size);
  text.add(COLON);
  text.add(part);
  text.add(COMMA);
}
