// The smallest useful filter: it adds one response header. It keeps nothing per stream and exports
// one stream callback.

import {
  Bytes,
  FilterHeadersStatus,
  HttpContext,
  RootContext,
  registerRootContext,
  responseHeaders,
} from "../../../assembly";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../../assembly/exports/plugin";
export { proxy_on_response_headers } from "../../../assembly/exports/stateless";

const NAME = Bytes.of("x-added");
const VALUE = Bytes.of("1");

@final
class Adder extends HttpContext {
  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    responseHeaders.add(NAME, VALUE);
    return FilterHeadersStatus.Continue;
  }
}

@final
class AdderRoot extends RootContext {
  private readonly adder: HttpContext = new Adder();

  override sharedHttpContext(): HttpContext | null {
    return this.adder;
  }
}

registerRootContext((id: u32) => new AdderRoot(id));
