// header-routing: writes the destination of a request into a header that Envoy's routes match.

import { FilterRoot, HttpContext, registerRootContext } from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { HeaderRoutingConfig } from "./config";
import { HeaderRouter } from "./router";
import { RoutedStream } from "./stream";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../assembly/exports/stream";

@final
class HeaderRoutingRoot extends FilterRoot<HeaderRoutingConfig, HeaderRouter> {
  override parse(root: ConfigNode): HeaderRoutingConfig {
    return new HeaderRoutingConfig(root);
  }

  override accept(config: HeaderRoutingConfig): HeaderRouter {
    return new HeaderRouter(config);
  }

  override streamContext(router: HeaderRouter): HttpContext {
    return new RoutedStream(router);
  }

  override sharedContext(router: HeaderRouter): HttpContext | null {
    return router.needsResponses ? null : new RoutedStream(router);
  }
}

registerRootContext((id: u32) => new HeaderRoutingRoot(id, "header-routing"));
