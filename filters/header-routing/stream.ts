// One stream: its request is routed, and its response tells a new visitor its id.

import { Bytes, FilterHeadersStatus, HttpContext, responseHeaders } from "../../assembly";
import { Visit } from "./cookie/visit";
import { HeaderRouter } from "./router";

const SET_COOKIE = Bytes.of("set-cookie");

/**
 * Serves one stream after another; where no response is needed, one object serves all at the same
 * time.
 */
@final
export class RoutedStream extends HttpContext {
  private readonly visit: Visit = new Visit();

  constructor(private readonly router: HeaderRouter) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    this.router.route(this.visit);
    return FilterHeadersStatus.Continue;
  }

  /** The application's own cookies stay, beside this one. */
  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const cookie = this.visit.cookie;
    if (cookie) responseHeaders.add(SET_COOKIE, cookie.settingOf(this.visit.id));
    return FilterHeadersStatus.Continue;
  }

  override onRecycle(): bool {
    this.visit.clear();
    return true;
  }
}
