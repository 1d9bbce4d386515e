// The label by which metrics that belong to books say to which.

import { Bytes } from "../../assembly";
import { hash64 } from "../../assembly/rules";

const HEX_DIGITS: i32 = 16;

/**
 * @param vmId tells the books of VMs that share them from those of other VMs
 * @param key what the books are kept under
 */
export function booksLabel(vmId: Bytes, key: Bytes): string {
  const books = hash64(hash64(0, vmId.ptr, vmId.size), key.ptr, key.size);
  return books.toString(16).padStart(HEX_DIGITS, "0");
}
