// Names in a configuration, of rules and destinations. They become labels of metrics and header
// values.

import { Bytes } from "./bytes";
import { BytesTable } from "./bytes-table";
import { ConfigNode } from "./config";
import { LABEL_MARKS, MAX_LABEL_SIZE } from "./limits";

const MARKS = Bytes.of(LABEL_MARKS);

/** A name of 1 to 64 letters, digits, `_`, `.` or `-`. */
export function parseLabel(node: ConfigNode): Bytes {
  const label = node.text(1, MAX_LABEL_SIZE);
  for (let i = 0; i < label.size; i++) {
    if (isLabelByte(label.at(i))) continue;
    node.fail("must be letters, digits, '_', '.' or '-'");
    break;
  }
  return label;
}

function isLabelByte(byte: u8): bool {
  const lower = byte | 0x20;
  if (lower >= 0x61 && lower <= 0x7a) return true;
  if (byte >= 0x30 && byte <= 0x39) return true;
  return MARKS.indexOf(byte) >= 0;
}

/** Whether the list has a name twice. */
export function hasRepeat(names: Array<Bytes>): bool {
  const table = new BytesTable(StaticArray.fromArray(names));
  for (let i = 0; i < names.length; i++) {
    if (table.find(names[i]) != i) return true;
  }
  return false;
}
