// A filter for the tests of calls to other services. It does what the request's `x-do` header says,
// and reports the result in `x-saw`.

import { registerRootContext } from "../../../assembly";
import { ProbeRoot } from "./probe";

export {
  proxy_on_grpc_close,
  proxy_on_grpc_receive,
  proxy_on_grpc_receive_initial_metadata,
  proxy_on_grpc_receive_trailing_metadata,
  proxy_on_http_call_response,
} from "../../../assembly/exports/calls";
export {
  malloc,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_tick,
} from "../../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../../assembly/exports/stream";

registerRootContext((id: u32) => new ProbeRoot(id));
