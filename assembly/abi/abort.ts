// What ends a VM whose invariant is broken: an index out of range, a failed assertion, no more
// memory. The build names this function as the compiler's `abort`, which would otherwise be an
// import that Envoy does not link.

import { proxy_log } from "@solo-io/proxy-runtime/assembly/imports";
import { Bytes } from "../text/bytes";
import { LogLevel } from "./types";

/** Writes the place and the reason to Envoy's log, then ends the VM. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const why = message ? message : "assertion failed";
  const where = file ? file : "unknown file";
  const text = Bytes.of(why + " at " + where + ":" + line.toString() + ":" + column.toString());
  proxy_log(LogLevel.Critical, text.ptr, text.size);
  unreachable();
}
