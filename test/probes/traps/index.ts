// A filter that breaks an invariant in the way that the request's `x-do` header asks for. The test
// finds the places by their marks.

import {
  Bytes,
  FilterHeadersStatus,
  HttpContext,
  RootContext,
  registerRootContext,
  requestHeaders,
} from "../../../assembly";
import { decide } from "./policy";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../../assembly/exports/plugin";
export { proxy_on_request_headers } from "../../../assembly/exports/stateless";

const DO = Bytes.of("x-do");

@final
class Breaker extends HttpContext {
  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const command = requestHeaders.get(DO);
    if (command) decide(command.toString(), <i32>headers); // mark: caller
    return FilterHeadersStatus.Continue;
  }
}

@final
class BreakerRoot extends RootContext {
  private readonly breaker: HttpContext = new Breaker();

  override sharedHttpContext(): HttpContext | null {
    return this.breaker;
  }
}

registerRootContext((id: u32) => new BreakerRoot(id));
