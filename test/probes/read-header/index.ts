// Reads one request header and decides nothing. It shows the cost of a filter that looks at
// requests and keeps nothing per stream.

import {
  Bytes,
  FilterHeadersStatus,
  HttpContext,
  RootContext,
  registerRootContext,
  requestHeaders,
} from "../../../assembly";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../../assembly/exports/plugin";
export { proxy_on_request_headers } from "../../../assembly/exports/stateless";

const REFUSED = Bytes.of("refused");
const USER_ID = Bytes.of("x-user-id");

@final
class Reader extends HttpContext {
  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const user = requestHeaders.get(USER_ID);
    return user && user.size > 1_000_000 ? FilterHeadersStatus.StopIteration : FilterHeadersStatus.Continue;
  }
}

@final
class ReaderRoot extends RootContext {
  private reader: HttpContext | null = null;

  /** The filter has nothing to configure. It refuses one word. */
  override onConfigure(configuration: Bytes): bool {
    if (configuration.equals(REFUSED)) return false;
    this.reader = new Reader();
    return true;
  }

  override sharedHttpContext(): HttpContext | null {
    return this.reader;
  }
}

registerRootContext((id: u32) => new ReaderRoot(id));
