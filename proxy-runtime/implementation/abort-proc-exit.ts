// The function that a filter's build names with `--use abort=abort_proc_exit`. The compiler finds
// it by that name when it is a global.

import { abort } from "../../assembly/abi/abort";

/** Writes the place and the reason to Envoy's log, then ends the VM. */
// @ts-expect-error: TypeScript has no decorators of functions.
@global
export function abort_proc_exit(
  message: string | null,
  fileName: string | null,
  lineNumber: u32,
  columnNumber: u32,
): void {
  abort(message, fileName, lineNumber, columnNumber);
}
