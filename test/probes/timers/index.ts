// A filter for the tests of timers. It does what the request's `x-do` header says, and reports the
// result in `x-saw`.

import { registerRootContext } from "../../../assembly";
import { proxy_on_tick as runTimers } from "../../../assembly/exports/plugin";
import { countTick, TimersRoot } from "./probe";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../../assembly/exports/stream";

/** The host's tick, which is counted. */
export function proxy_on_tick(rootId: u32): void {
  countTick();
  runTimers(rootId);
}

registerRootContext((id: u32) => new TimersRoot(id));
